import { PlaygroundError } from '../errors.js'

/** The last second that RFC 3339 can write. */
const MAX_SECONDS = 253_402_300_799

/**
 * The time that builds shall give to what they make, in milliseconds since the epoch
 * (https://reproducible-builds.org/specs/source-date-epoch/); undefined when the environment names none.
 * @throws USAGE
 */
export function sourceDateMs(
  env: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const text = env['SOURCE_DATE_EPOCH'] ?? ''
  if (text === '') return undefined
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : NaN
  if (seconds <= MAX_SECONDS) return seconds * 1000
  throw new PlaygroundError('USAGE', `SOURCE_DATE_EPOCH is "${text}", which is no time`, {
    hint: 'Set it to whole seconds since 1970, as "git log -1 --format=%ct" prints them, or unset it.',
  })
}
