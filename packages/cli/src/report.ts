import { PlaygroundError, asPlaygroundError, isPlaygroundError } from '@p2p-playground/core/errors'
import { closest } from '@p2p-playground/core/closest'

/** Prints what went wrong, once, and gives the exit code. */
export function report(error: unknown, json: boolean): number {
  const exit = exitOf(error)
  if (exit !== undefined) return exit
  const known = toPlaygroundError(error)
  const { code, message, hint, details } = known
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, hint, details } })}\n`)
  else {
    process.stderr.write(`Error ${code}: ${message}\n`)
    if (hint !== undefined) process.stderr.write(`${hint}\n`)
  }
  if (process.env['P2P_PLAYGROUND_DEBUG'] === '1')
    process.stderr.write(`${String((error as Error).stack)}\n`)
  return known.row.exit
}

/** oclif ends a command by throwing, with nothing to print. */
function exitOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('oclif' in error)) return undefined
  const { oclif, code } = error as { oclif?: { exit?: number }; code?: string }
  return code === 'EEXIT' ? (oclif?.exit ?? 0) : undefined
}

function toPlaygroundError(error: unknown): PlaygroundError {
  if (isPlaygroundError(error)) return error
  if (!isOclifError(error)) return asPlaygroundError(error)
  const [message = '', ...rest] = error.message.split('\n')
  const { hint, text } = explain(error, message, rest)
  return new PlaygroundError('USAGE', text, { hint })
}

interface OclifError extends Error {
  readonly oclif?: { readonly exit?: number }
  readonly flags?: readonly string[]
  readonly parse?: { readonly input?: { readonly flags?: Record<string, unknown> } }
}

function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error
}

function explain(
  error: OclifError,
  message: string,
  rest: readonly string[],
): { text: string; hint: string } {
  const unknown = Array.isArray(error.flags) ? error.flags[0] : undefined
  if (message.startsWith('Nonexistent flag') && unknown !== undefined) {
    const known = Object.keys(error.parse?.input?.flags ?? {}).map((name) => `--${name}`)
    const guess = closest(unknown, known)
    const hint =
      guess === undefined ? 'See --help for the flags of this command.' : `Did you mean "${guess}"?`
    return { text: `unknown flag ${unknown}`, hint }
  }
  const detail = rest.filter((line) => line.trim() !== '' && !line.startsWith('See more help'))
  return { text: [message, ...detail].join(' ').trim(), hint: 'See --help.' }
}
