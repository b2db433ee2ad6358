import { formatExit, formatInstance } from '@p2p-playground/core'
import type {
  EventType,
  FailureBundle,
  HealthResult,
  InstanceRecord,
  NewEvent,
  RunEnd,
} from '@p2p-playground/core'
import { decideRestart, endedWell } from '@p2p-playground/core/reconcile'
import type { RestartPolicy } from '@p2p-playground/core/reconcile'

/** What is known when a run has ended. */
export interface EndOfRun {
  readonly record: InstanceRecord
  readonly ended: RunEnd
  /** A command asked for it. */
  readonly asked: boolean
  readonly restart: RestartPolicy
  /** Why it ended, where its exit status does not say it all. */
  readonly cause?: string | undefined
}

/** State and reason of an instance after the end of a run. */
export function afterEnd(
  end: EndOfRun,
): Pick<InstanceRecord, 'state' | 'reason' | 'lastFailure' | 'condemned'> {
  const { record, ended } = end
  const { condemned } = record
  if (record.goal === 'removed')
    return { state: 'removing', reason: '', lastFailure: record.lastFailure, condemned }
  if (end.asked) {
    // After a restart by command it is about to be started.
    const wanted = record.goal === 'running' ? ('staged' as const) : ('stopped' as const)
    const state = condemned === '' ? wanted : ('failed' as const)
    return { state, reason: condemned, lastFailure: record.lastFailure, condemned }
  }
  const why = whyEnded(end)
  const lastFailure = endedWell(ended) ? record.lastFailure : why
  const decision = decideRestart(end.restart, record.startsMs, ended)
  const after = (
    state: 'backoff' | 'failed' | 'stopped',
    reason: string,
  ): ReturnType<typeof afterEnd> => ({
    state,
    reason,
    lastFailure,
    condemned,
  })
  switch (decision.kind) {
    case 'restart':
      return after('backoff', why)
    case 'give-up':
      return after('failed', `${why}; ${decision.reason}`)
    case 'done':
      return after(endedWell(ended) ? 'stopped' : 'failed', why)
    default:
      return decision satisfies never
  }
}

/** `exit 1`, or `unhealthy: no answer (exit 0)` when the engine ended it for that. */
function whyEnded({ record, ended: { exit, unhealthy }, cause }: EndOfRun): string {
  if (cause !== undefined) return cause
  return unhealthy ? `unhealthy: ${record.reason} (${formatExit(exit)})` : formatExit(exit)
}

export function endEvent(end: EndOfRun, timeMs: number): NewEvent {
  const { record, asked } = end
  const type: EventType = asked ? 'stopped' : 'exited'
  return {
    timeMs,
    type,
    app: record.app,
    version: record.version,
    message: `${formatInstance(record)} ended: ${whyEnded(end)}`,
    code: null,
    by: null,
  }
}

/** What is worth keeping of a run that failed; undefined when it did not. */
export function failureOf(
  end: EndOfRun,
  seen: {
    readonly atMs: number
    readonly health: HealthResult | null
    readonly lines: FailureBundle['lines']
  },
): FailureBundle | undefined {
  const { record, ended, asked } = end
  if (asked || endedWell(ended)) return undefined
  return {
    app: record.app,
    version: record.version,
    atMs: seen.atMs,
    exit: ended.exit,
    reason: whyEnded(end),
    starts: record.startsMs.length,
    health: seen.health,
    lines: seen.lines.map(({ stream, line }) => ({ stream, line: beginningOf(line) })),
  }
}

/** Of a line; a version's failures are shown in one message. */
const MAX_KEPT_CHARACTERS = 4096

function beginningOf(line: string): string {
  if (line.length <= MAX_KEPT_CHARACTERS) return line
  return `${line.slice(0, MAX_KEPT_CHARACTERS).toWellFormed()}…`
}
