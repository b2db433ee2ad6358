import { formatInstance, newAppRecord } from '@p2p-playground/core'
import type {
  AppRecord,
  InstanceKey,
  InstanceRecord,
  NewEvent,
  StateChange,
  StateStore,
  SystemEvent,
} from '@p2p-playground/core'
import { Bell } from './bell.js'

/** The instances and apps of this node in memory, always equal to what the store has on disk. */
export class InstanceTable {
  /** Rings after each change. */
  readonly changed = new Bell()
  readonly #store: StateStore
  readonly #records = new Map<string, InstanceRecord>()
  readonly #apps = new Map<string, AppRecord>()
  readonly #listeners = new Set<(event: SystemEvent) => void>()

  constructor(store: StateStore) {
    this.#store = store
    for (const record of store.instances()) this.#records.set(formatInstance(record), record)
    for (const app of store.apps()) this.#apps.set(app.app, app)
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

  /** What is kept of each app as a whole. */
  get apps(): ReadonlyMap<string, AppRecord> {
    return this.#apps
  }

  app(name: string): AppRecord {
    return this.#apps.get(name) ?? newAppRecord(name)
  }

  /** Writes the change to disk, then shows it. */
  commit(change: StateChange): void {
    const events = this.#store.commit(change)
    for (const record of change.save ?? []) this.#records.set(formatInstance(record), record)
    for (const key of change.remove ?? []) this.#records.delete(formatInstance(key))
    for (const app of change.saveApps ?? []) this.#apps.set(app.app, app)
    for (const app of change.removeApps ?? []) this.#apps.delete(app)
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
