import { PlaygroundError } from '../errors.js'
import type { ErrorCode, SourcePosition } from '../errors.js'

/** One thing that is wrong with a file, with its place. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string | undefined
  readonly at: SourcePosition
}

/**
 * One error for all that is wrong: the first problem in the message, all of them in `details.problems`. Unknown keys come
 * first, as a key that is missing may just be misspelled; then the topmost.
 */
export function problemError(problems: readonly Problem[]): PlaygroundError {
  const sorted = problems.toSorted(
    (a, b) => rankOf(a) - rankOf(b) || a.at.line - b.at.line || a.at.column - b.at.column,
  )
  const [first] = sorted
  if (first === undefined) return new PlaygroundError('INTERNAL', 'refused without a problem')
  const more = sorted.length > 1 ? ` (and ${String(sorted.length - 1)} more)` : ''
  return new PlaygroundError(first.code, `${first.message}${more}`, {
    at: first.at,
    hint: first.hint,
    details: {
      problems: sorted.map(({ code, message, hint, at }) => ({ code, message, hint, ...at })),
    },
  })
}

function rankOf({ code }: Problem): number {
  return code === 'CONFIG_UNKNOWN_KEY' ? 0 : 1
}
