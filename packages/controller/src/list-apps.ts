import type { CallOptions } from '@connectrpc/connect'
import { absentApp, versionHint } from '@p2p-playground/core'
import type { AppQuery, InstanceStatus } from '@p2p-playground/core'
import { instanceFromProto } from '@p2p-playground/proto'
import type { NodeClient } from './survey.js'

/** What is asked for of one node's instances. @throws APP_NOT_FOUND where it has none of an app or a version */
export async function listApps(
  client: NodeClient,
  { app, version }: Pick<AppQuery, 'app' | 'version'>,
  options: CallOptions,
): Promise<InstanceStatus[]> {
  const listing = client.listApps({}, options)
  // The node knows its tags, and says itself when it has no such app.
  const [{ instances }, known] = await Promise.all([
    listing,
    app === undefined ? undefined : client.listVersions({ app }, options),
  ])
  const all = instances.map(instanceFromProto)
  if (known === undefined) return all
  const tagged = known.versions.find(({ tags }) => version !== undefined && tags.includes(version))
  const wanted = tagged?.version ?? version
  const found = all.filter(
    (one) => one.app === app && (wanted === undefined || one.version === wanted),
  )
  if (found.length > 0 || version === undefined) return found
  const tags = known.versions.flatMap((one) => one.tags.map((tag) => [tag, one.version] as const))
  const hint = versionHint(
    known.versions.map((one) => one.version),
    Object.fromEntries(tags),
  )
  throw absentApp(`${app ?? ''} has no version ${version} on this node`, hint)
}
