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
