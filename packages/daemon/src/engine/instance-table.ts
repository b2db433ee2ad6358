import { formatInstance } from '@p2p-playground/core'
import type {
  InstanceKey,
  InstanceRecord,
  InstanceStatus,
  NewEvent,
  ReplayFloor,
  StateStore,
  SystemEvent,
} from '@p2p-playground/core'
import { Bell } from './bell.js'

export interface TableChange {
  readonly save?: readonly InstanceRecord[]
  readonly remove?: readonly InstanceKey[]
  readonly floor?: ReplayFloor
  readonly digest?: { readonly key: InstanceKey; readonly digest: string }
  readonly events?: readonly NewEvent[]
}

/** The instances of this node in memory, always equal to what the store has on disk. */
export class InstanceTable {
  /** Rings after each change. */
  readonly changed = new Bell()
  readonly #store: StateStore
  readonly #records = new Map<string, InstanceRecord>()
  readonly #listeners = new Set<(event: SystemEvent) => void>()

  constructor(store: StateStore) {
    this.#store = store
    for (const record of store.instances()) this.#records.set(formatInstance(record), record)
  }

  list(): InstanceRecord[] {
    return [...this.#records.values()]
  }

  get(key: InstanceKey): InstanceRecord | undefined {
    return this.#records.get(formatInstance(key))
  }

  ofApp(app: string): InstanceRecord[] {
    return this.list().filter((record) => record.app === app)
  }

  /** Writes the change to disk, then shows it. */
  commit(change: TableChange): void {
    const events = this.#store.commit(change)
    for (const record of change.save ?? []) this.#records.set(formatInstance(record), record)
    for (const key of change.remove ?? []) this.#records.delete(formatInstance(key))
    for (const event of events) for (const listener of this.#listeners) listener(event)
    this.changed.ring()
  }

  /** Changes some fields of a record; nothing when it is gone. */
  update(key: InstanceKey, patch: Partial<InstanceRecord>, ...events: NewEvent[]): void {
    const record = this.get(key)
    if (record === undefined) return
    this.commit({
      save: [{ ...record, ...patch, app: record.app, version: record.version }],
      events,
    })
  }

  record(...events: NewEvent[]): void {
    this.commit({ events })
  }

  onEvent(listener: (event: SystemEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** A record as others see it. `limits` says what the runtime does not enforce. */
export function statusOf(record: InstanceRecord, limits: string): InstanceStatus {
  return {
    app: record.app,
    version: record.version,
    state: record.state,
    active: record.active,
    pid: record.handle?.pid ?? null,
    reason: record.reason,
    digest: record.digest,
    ports: record.ports,
    startedAtMs: record.startedAtMs,
    healthy: record.healthy,
    limits,
  }
}
