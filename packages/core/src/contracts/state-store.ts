import type { EventType, SystemEvent } from '../model/event.js'
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
}

/** The node's durable state. Each call is one transaction that has reached the disk when it returns. */
export interface StateStore {
  instances(): readonly InstanceRecord[]
  /** Writes all records, the floor and the event together or not at all. */
  commit(change: {
    readonly save?: readonly InstanceRecord[]
    readonly remove?: readonly InstanceKey[]
    readonly floor?: ReplayFloor | undefined
    /** Remembers for good which digest a name@version has. */
    readonly digest?: { readonly key: InstanceKey; readonly digest: string } | undefined
    readonly events?: readonly NewEvent[]
  }): readonly SystemEvent[]
  floor(app: string): ReplayFloor | undefined
  /** Digest that name@version had when it was first accepted. */
  digestOf(key: InstanceKey): string | undefined
  events(filter: EventFilter): readonly SystemEvent[]
  peers(): readonly string[]
  addPeer(address: string): void
  /** Remembers a nonce until `expiresMs`; false when it was there already. */
  claimNonce(nonce: string, nowMs: number, expiresMs: number): boolean
  close(): void
}
