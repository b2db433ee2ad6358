import type { AppRecord } from '../model/app-record.js'
import type { EventType, SystemEvent } from '../model/event.js'
import type { FailureBundle } from '../model/failure-bundle.js'
import type { InstanceRecord } from '../model/instance-record.js'
import type { InstanceKey } from '../model/instance.js'

/** The highest version of an app that a node ever accepted; kept after `remove`. */
export interface ReplayFloor {
  readonly app: string
  readonly version: string
  /** `created_at` of its manifest, milliseconds since the epoch; 0 when it had none. */
  readonly createdAtMs: number
}

export type NewEvent = Omit<SystemEvent, 'seq' | 'node'> & { readonly type: EventType }

export interface EventFilter {
  readonly sinceMs?: number | undefined
  readonly afterSeq?: number | undefined
  readonly app?: string | undefined
  /** Only the newest that many. */
  readonly tail?: number | undefined
  /** Only the oldest that many; `tail` counts for nothing then. */
  readonly head?: number | undefined
}

/** One transaction. */
export interface StateChange {
  readonly save?: readonly InstanceRecord[]
  readonly remove?: readonly InstanceKey[]
  readonly saveApps?: readonly AppRecord[]
  readonly removeApps?: readonly string[]
  readonly floor?: ReplayFloor | undefined
  /** Remembers for good which digest a name@version has. */
  readonly digest?: { readonly key: InstanceKey; readonly digest: string } | undefined
  /** Kept for a while; the oldest of an app go. */
  readonly failure?: FailureBundle | undefined
  /** Versions whose failures are kept no longer; nothing of them stays in the file. */
  readonly eraseFailures?: readonly InstanceKey[]
  readonly events?: readonly NewEvent[]
}

/** A nonce, and when it may be forgotten: when both clocks have got there. The wall clock may be set, so it alone says nothing. */
export interface NonceClaim {
  readonly nonce: string
  /** Wall clock. */
  readonly nowMs: number
  /** Boot clock. */
  readonly bootMs: number
  /** Wall clock. */
  readonly expiresMs: number
  /** How long to remember it at least, over restarts of the daemon and the machine. */
  readonly keepMs: number
}

/** `full`: too many are remembered that may not be forgotten. */
export type NonceOutcome = 'new' | 'known' | 'full'

/** The node's durable state. Each call is one transaction that has reached the disk when it returns. */
export interface StateStore {
  instances(): readonly InstanceRecord[]
  apps(): readonly AppRecord[]
  /** What could not be read and was set aside at opening: it is no longer among the instances, but still on disk. */
  readonly quarantined: readonly { readonly key: InstanceKey; readonly why: string }[]
  /** Writes everything together or not at all. */
  commit(change: StateChange): readonly SystemEvent[]
  /** The newest first. */
  failures(app: string): readonly FailureBundle[]
  floor(app: string): ReplayFloor | undefined
  /** Digest that name@version had when it was first accepted. */
  digestOf(key: InstanceKey): string | undefined
  events(filter: EventFilter): readonly SystemEvent[]
  peers(): readonly string[]
  addPeer(address: string): void
  /** Remembers a nonce that is new. */
  claimNonce(claim: NonceClaim): NonceOutcome
  /** The boot whose clock the records' times are of; undefined before the first `setBootId`. */
  bootId(): string | undefined
  setBootId(bootId: string): void
  close(): void
}
