import { PlaygroundError, formatInstance } from '@p2p-playground/core'
import type { AppRecord, InstanceRecord } from '@p2p-playground/core'
import { isReady } from './status.js'

/** An app without a health check counts as ready once it has run for that long. */
const READY_AFTER_MS = 500

export type Readiness =
  | { readonly kind: 'ready' }
  /** `againMs`: it may be ready after so long, though nothing changes. */
  | { readonly kind: 'waiting'; readonly againMs: number | undefined }

const READY: Readiness = { kind: 'ready' }
const WAITING: Readiness = { kind: 'waiting', againMs: undefined }

/**
 * How a version that is to run stands. While it is on trial no failure is the last word.
 * @throws APP_START, APP_UNHEALTHY; APP_ROLLED_BACK when another version is back
 */
export function readinessOf(
  record: InstanceRecord,
  about: {
    readonly app: AppRecord
    /** The version that is active now. */
    readonly active: InstanceRecord | undefined
    readonly hasHealthCheck: boolean
    /** Boot clock. */
    readonly nowMs: number
  },
): Readiness {
  const { app, active } = about
  const { pending } = app
  if (pending?.version === record.version) {
    if (pending.policy === 'immediate') return WAITING
    // It waits for its turn; unless a command has started it beside the active one.
    if (record.goal !== 'running') return READY
  }
  if (record.condemned !== '') throw condemned(record, active)
  if (isReady(record, about.hasHealthCheck)) {
    if (about.hasHealthCheck) return READY
    const leftMs = READY_AFTER_MS - (about.nowMs - (record.wellSinceMs ?? about.nowMs))
    return leftMs <= 0 ? READY : { kind: 'waiting', againMs: leftMs }
  }
  const hasEnded = record.ended !== null && record.runGeneration === record.generation
  if (record.state === 'stopped') return hasEnded ? READY : WAITING
  if (app.trial?.version === record.version) return WAITING
  if (record.state === 'unhealthy' || record.state === 'failed') throw failed(record, record.reason)
  return WAITING
}

function condemned(record: InstanceRecord, active: InstanceRecord | undefined): PlaygroundError {
  if (active === undefined || active.version === record.version)
    return failed(record, record.condemned)
  return new PlaygroundError(
    'APP_ROLLED_BACK',
    `${formatInstance(record)} failed its trial, ${active.version} is back: ${record.condemned}`,
    { hint: `See "p2p-playground app describe ${record.app}".` },
  )
}

function failed(record: InstanceRecord, reason: string): PlaygroundError {
  const isSick = record.state === 'unhealthy' || record.lastFailure.startsWith('unhealthy')
  return new PlaygroundError(
    isSick ? 'APP_UNHEALTHY' : 'APP_START',
    `${formatInstance(record)} ${record.state === 'unhealthy' ? 'is unhealthy' : 'failed'}: ${reason}`,
    { hint: `See "p2p-playground ${isSick ? 'app describe' : 'logs'} ${record.app}".` },
  )
}
