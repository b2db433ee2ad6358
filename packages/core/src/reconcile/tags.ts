import { compare, prerelease } from 'semver'
import type { AppRecord } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'

/** Tags that stand for a version by themselves: the highest release, the last that passed its trial, the newest of all. */
export const BUILT_IN_TAGS = ['latest', 'stable', 'dev'] as const

/** What each tag means on this node, the built-in ones and those given by hand. */
export function tagsOf(
  app: AppRecord,
  instances: readonly InstanceRecord[],
): Readonly<Record<string, string>> {
  const versions = instances
    .filter((one) => one.presence === 'present' && one.goal !== 'removed')
    .map((one) => one.version)
    .sort(compare)
  const release = versions.filter((version) => prerelease(version) === null).at(-1)
  const newest = versions.at(-1)
  const own = Object.entries(app.tags).filter(([, version]) => versions.includes(version))
  return {
    ...(release === undefined ? {} : { latest: release }),
    ...(newest === undefined ? {} : { dev: newest }),
    ...(app.stable !== null && versions.includes(app.stable) ? { stable: app.stable } : {}),
    ...Object.fromEntries(own),
  }
}

/** The version that counts as stable: the one that the tag was given to, else the last that passed its trial. */
export function stableOf(app: AppRecord): string | null {
  return app.tags['stable'] ?? app.stable
}
