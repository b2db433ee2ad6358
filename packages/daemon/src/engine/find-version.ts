import { PlaygroundError, absentApp, versionHint } from '@p2p-playground/core'
import type { AppRecord, InstanceRecord } from '@p2p-playground/core'
import { didYouMean } from '@p2p-playground/core/config'
import { stableOf, tagsOf } from '@p2p-playground/core/reconcile'
import { compare } from 'semver'

/** The one of an app's versions that a version or a tag means. */
export function findVersion(
  app: AppRecord,
  versions: readonly InstanceRecord[],
  text: string,
): InstanceRecord | undefined {
  const version = tagsOf(app, versions)[text] ?? text
  return versions.find((one) => one.version === version)
}

export function noSuchApp(app: string): PlaygroundError {
  const hint = 'See which there are with "p2p-playground app list".'
  return absentApp(`there is no app "${app}" on this node`, hint)
}

/** Of those that were given by hand. */
export function noSuchTag({ app, tags }: AppRecord, tag: string): PlaygroundError {
  const given = Object.keys(tags)
  const list = given.length === 0 ? 'It was given none.' : `It was given: ${given.join(', ')}.`
  const guess = didYouMean(tag, given)
  return new PlaygroundError('APP_NOT_FOUND', `${app} has no tag "${tag}" that was given`, {
    hint: guess === undefined ? list : `${guess} ${list}`,
  })
}

/** What could have been asked for instead. */
export function hintOf(app: AppRecord, versions: readonly InstanceRecord[]): string {
  const known = versions.map((one) => one.version)
  return versionHint(known, tagsOf(app, versions))
}

/** @throws APP_NOT_FOUND with what there is */
export function requireVersion(
  app: AppRecord,
  versions: readonly InstanceRecord[],
  text: string,
): InstanceRecord {
  const found = findVersion(app, versions, text)
  if (found !== undefined) return found
  throw new PlaygroundError('APP_NOT_FOUND', `${app.app} has no version ${text} on this node`, {
    hint: hintOf(app, versions),
  })
}

/** The one that waits for its turn, else the highest release. @throws APP_NOT_FOUND */
export function newestOf(app: AppRecord, versions: readonly InstanceRecord[]): InstanceRecord {
  return requireVersion(app, versions, app.pending?.version ?? 'latest')
}

/**
 * The stable version; else the one that was replaced; else the highest below the active one that failed no trial.
 * @throws APP_NOT_FOUND
 */
export function rollbackDefault(
  app: AppRecord,
  versions: readonly InstanceRecord[],
): InstanceRecord {
  const active = versions.find((one) => one.active)
  const below = versions
    .filter((one) => one.condemned === '')
    .map((one) => one.version)
    .filter((version) => active !== undefined && compare(version, active.version) < 0)
    .sort(compare)
    .at(-1)
  const wanted = [stableOf(app), app.trial?.previous, below]
    .map((version) => versions.find((one) => one.version === version))
    .find((one) => one !== undefined && one.version !== active?.version)
  if (wanted !== undefined) return wanted
  throw new PlaygroundError(
    'APP_NOT_FOUND',
    `${app.app} has no version to go back to on this node`,
    {
      hint: `See "p2p-playground app versions ${app.app}".`,
    },
  )
}
