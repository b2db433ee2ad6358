import type { AppRecord, InstanceRecord } from '@p2p-playground/core'
import { tagsOf } from '@p2p-playground/core/reconcile'

/** The one of an app's versions that a version or a tag means. */
export function findVersion(
  app: AppRecord,
  versions: readonly InstanceRecord[],
  text: string,
): InstanceRecord | undefined {
  const version = tagsOf(app, versions)[text] ?? text
  return versions.find((one) => one.version === version)
}

/** What could have been asked for instead. */
export function versionHint(app: AppRecord, versions: readonly InstanceRecord[]): string {
  const tags = Object.entries(tagsOf(app, versions)).map(([tag, version]) => `${tag} (${version})`)
  const known = versions.map((one) => one.version).join(', ')
  return `It has: ${known}; tags: ${tags.join(', ') || 'none'}.`
}
