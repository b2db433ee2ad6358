import { PlaygroundError, isGranted, rolesOf } from '@p2p-playground/core'
import type { Grant, Role } from '@p2p-playground/core'
import type { Caller } from '@p2p-playground/p2p'

/** @throws AUTH_ROLE when no key of the caller has the role, for whichever apps */
export function requireRole({ peerId, grants }: Caller, role: Role): void {
  if (rolesOf(grants()).includes(role)) return
  throw new PlaygroundError(
    'AUTH_ROLE',
    `this needs the role "${role}", which ${peerId} has not proved`,
    {
      hint: "Add your public key with that role to the node's security.trusted_public_keys.",
    },
  )
}

/** @throws AUTH_ROLE when no one key of the caller has the role for the app; null: for the node itself */
export function requireGrant(caller: Caller, role: Role, app: string | null): void {
  requireRole(caller, role)
  const { peerId, grants } = caller
  if (isGranted(grants(), role, app)) return
  const [what, wanted] = app === null ? ['the node itself', '"*"'] : [`"${app}"`, 'it']
  throw new PlaygroundError('AUTH_ROLE', `no key of ${peerId} has the role "${role}" for ${what}`, {
    hint: `Add ${wanted} to "apps" of that key in the node's security.trusted_public_keys.`,
  })
}

/** Whether the caller may see, when asked, what is about an app, or with null about none. */
export function canRead({ grants }: Caller): (app: string | null) => boolean {
  // Most may see all for good, and a follower asks for each line.
  const all = isGranted(grants().filter(isLasting), 'observe', null)
  return (app) => all || isGranted(grants(), 'observe', app)
}

/** True for what gives the same for as long as the connection lasts. */
export function isLasting({ notAfterMs }: Grant): boolean {
  return notAfterMs === null
}
