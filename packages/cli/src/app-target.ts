import { PlaygroundError } from '@p2p-playground/core/errors'

/** `NAME`, where all versions are meant. @throws USAGE for `NAME@VERSION`, and as `parseAppTarget` */
export function parseAppName(text: string): string {
  const { app, version } = parseAppTarget(text)
  if (version === undefined) return app
  throw new PlaygroundError('USAGE', `"${text}" names a version; this is about all of them`, {
    hint: `Leave the version away: ${app}.`,
  })
}

/** `NAME` or `NAME@VERSION`. @throws USAGE where one is empty: no version at all would mean another, or all of them */
export function parseAppTarget(text: string): {
  readonly app: string
  readonly version: string | undefined
} {
  const at = text.indexOf('@')
  const app = at === -1 ? text : text.slice(0, at)
  const version = at === -1 ? undefined : text.slice(at + 1)
  if (app !== '' && version !== '') return { app, version }
  throw new PlaygroundError('USAGE', `"${text}" names no ${app === '' ? 'app' : 'version'}`, {
    hint: 'Write NAME, or NAME@VERSION.',
  })
}
