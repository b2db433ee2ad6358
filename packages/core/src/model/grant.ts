import type { Role } from './role.js'

/** What one trusted key gives to whoever proves it: its roles, for its apps. */
export interface Grant {
  /** Name of the key. */
  readonly key: string
  readonly roles: readonly Role[]
  /** App names or globs with `*`. */
  readonly apps: readonly string[]
  /** End of the key's validity, milliseconds since the epoch; null: it has none. */
  readonly notAfterMs: number | null
}

/** Those whose keys are valid now: one that has ended gives nothing, whenever it was proved. */
export function validGrants(grants: readonly Grant[], nowMs: number): Grant[] {
  return grants.filter((grant) => !hasEnded(grant, nowMs))
}

/** Whether the validity of a key is over; the moment that it names still belongs to it. */
export function hasEnded(
  { notAfterMs }: { readonly notAfterMs: number | null },
  nowMs: number,
): boolean {
  return notAfterMs !== null && nowMs > notAfterMs
}

/**
 * Whether one of the grants is of the role and for the app: no key lends its roles to the apps of another. Null is the node
 * itself, and what is about no app: for that a key must be for all apps.
 */
export function isGranted(grants: readonly Grant[], role: Role, app: string | null): boolean {
  return grants.some(
    ({ roles, apps }) =>
      roles.includes(role) &&
      (app === null ? apps.includes('*') : apps.some((pattern) => matchesScope(pattern, app))),
  )
}

/** The roles that are granted for one app or another. */
export function rolesOf(grants: readonly Grant[]): Role[] {
  return [...new Set(grants.flatMap(({ roles }) => roles))]
}

/** An app name or a glob in which `*` stands for any text. Whoever asks chooses `app`: the time rises with its length only. */
export function matchesScope(pattern: string, app: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return app === pattern
  if (!app.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = app.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return app.length - last.length >= at && app.endsWith(last)
}
