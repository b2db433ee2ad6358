import type { PlaygroundError, SourcePosition } from '@p2p-playground/core/errors'
import { asPlaygroundError, formatPosition, isPlaygroundError } from '@p2p-playground/core/errors'
import { fileError } from '@p2p-playground/core/file-error'
import { harmlessText } from './format.js'
import { withGivenHome } from './given-home.js'
import { explainUsage, isOclifError } from './usage-error.js'

export interface ReportOptions {
  readonly json: boolean
  /** Ids of all commands, as oclif writes them: `app:list`. */
  readonly commandIDs: readonly string[]
}

/** Prints what went wrong, once, and gives the exit code. */
export function report(error: unknown, options: ReportOptions): number {
  const exit = exitOf(error)
  if (exit !== undefined) return exit
  const known = toPlaygroundError(error, options.commandIDs)
  const { code, message, details } = known
  const hint = known.hint === undefined ? undefined : withGivenHome(known.hint)
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ error: { code, message, hint, details } })}\n`)
  } else {
    for (const one of problemsOf(known)) {
      process.stderr.write(`Error ${one.code}: ${harmlessText(one.message)}\n`)
      if (one.hint !== undefined) process.stderr.write(`${harmlessText(withGivenHome(one.hint))}\n`)
    }
  }
  if (isDebugging()) process.stderr.write(`${stackOf(error)}\n`)
  // A signal's exit code is 128 and its number, as shells have it.
  return typeof details['exit'] === 'number' ? details['exit'] : known.row.exit
}

interface Said {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

/** All that `problemError` found in files, each with its place; otherwise the error itself. */
function problemsOf(error: PlaygroundError): readonly Said[] {
  const { problems } = error.details
  const all = Array.isArray(problems) ? (problems as readonly (Said & SourcePosition)[]) : []
  // An error that has a code of its own names all of them itself.
  if (all.length < 2 || all[0]?.code !== error.code) return [error]
  return all.map((problem) => ({
    ...problem,
    message: `${formatPosition(problem)}: ${problem.message}`,
  }))
}

/** oclif ends a command by throwing, with nothing to print. */
function exitOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('oclif' in error)) return undefined
  const { oclif, code } = error as { oclif?: { exit?: number }; code?: string }
  return code === 'EEXIT' ? (oclif?.exit ?? 0) : undefined
}

function toPlaygroundError(error: unknown, commandIDs: readonly string[]): PlaygroundError {
  if (isPlaygroundError(error)) return error
  if (!isOclifError(error)) return asPlaygroundError(fileError(error))
  return explainUsage(error, { argv: process.argv.slice(2), commandIDs })
}

function isDebugging(): boolean {
  return process.env['P2P_PLAYGROUND_DEBUG'] === '1' || (process.env['DEBUG'] ?? '') !== ''
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
