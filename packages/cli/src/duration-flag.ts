import { parseDurationMs } from '@p2p-playground/core/duration'
import { PlaygroundError, asPlaygroundError } from '@p2p-playground/core/errors'

/** What `flag` was given, in milliseconds. @throws USAGE that names the flag */
export function parseDurationFlag(flag: `--${string}`, text: string): number {
  try {
    return parseDurationMs(text)
  } catch (error) {
    const { message, hint } = asPlaygroundError(error)
    throw new PlaygroundError('USAGE', `${flag}: ${message}`, { hint })
  }
}
