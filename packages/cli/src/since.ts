import { PlaygroundError, isPlaygroundError } from '@p2p-playground/core/errors'
import { parseDurationMs } from '@p2p-playground/core/duration'

/** `10m` ago, or a time in RFC 3339, as milliseconds since the epoch. @throws USAGE that names the flag */
export function parseSince(
  flag: '--since' | '--until',
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (!Number.isNaN(time)) return time
  try {
    return Date.now() - parseDurationMs(text)
  } catch (error) {
    if (!isPlaygroundError(error)) throw error
    throw new PlaygroundError('USAGE', `${flag}: "${text}" is neither a duration nor a time`, {
      hint: 'Write 10m, 2h, or 2026-01-31T12:00:00Z.',
    })
  }
}
