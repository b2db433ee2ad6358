import { PlaygroundError } from '@p2p-playground/core/errors'

/** `NAME`, where all versions are meant. @throws USAGE for `NAME@VERSION` */
export function parseAppName(text: string): string {
  const { app, version } = parseAppTarget(text)
  if (version === undefined) return app
  throw new PlaygroundError('USAGE', `"${text}" names a version; this is about all of them`, {
    hint: `Leave the version away: ${app}.`,
  })
}

/** `NAME` or `NAME@VERSION`. */
export function parseAppTarget(text: string): {
  readonly app: string
  readonly version: string | undefined
} {
  const at = text.indexOf('@')
  return at === -1
    ? { app: text, version: undefined }
    : { app: text.slice(0, at), version: text.slice(at + 1) }
}
