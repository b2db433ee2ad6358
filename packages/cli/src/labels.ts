import { PlaygroundError } from '@p2p-playground/core/errors'

/** `["env=test"]` as a map; undefined when there are none. @throws USAGE */
export function labelsOf(texts: readonly string[] | undefined): Record<string, string> | undefined {
  if (texts === undefined) return undefined
  const pairs = texts.map((text) => {
    const match = /^([A-Za-z0-9][A-Za-z0-9._/-]*)=([A-Za-z0-9._-]*)$/.exec(text)
    if (match?.[1] === undefined) {
      throw new PlaygroundError('USAGE', `"${text}" is not a label`, { hint: 'Write key=value.' })
    }
    return [match[1], match[2] ?? ''] as const
  })
  return Object.fromEntries(pairs)
}
