import { DatabaseSync } from 'node:sqlite'
import { PlaygroundError } from '@p2p-playground/core'
import type {
  AppRecord,
  EventFilter,
  EventType,
  FailureBundle,
  InstanceKey,
  InstanceRecord,
  NewEvent,
  NonceClaim,
  NonceOutcome,
  ReplayFloor,
  StateChange,
  StateStore,
  SystemEvent,
} from '@p2p-playground/core'
import { claimNonce } from './nonces.js'
import { setAsideUnreadable, toAppRecord, toRecord } from './rows.js'
import { SCHEMA_VERSION, migrate } from './schema.js'
import { corrupt, stateError } from './state-error.js'

/** Events kept; older ones go. */
const MAX_EVENTS = 10_000
const MAX_FAILURES_PER_APP = 10

/**
 * StateStore in one SQLite file (WAL, synchronous FULL). The file stays locked while it is open, which is what keeps a
 * second daemon out; the kernel frees the lock however the process ends.
 */
export class SqliteStateStore implements StateStore {
  readonly #db: DatabaseSync
  readonly #node: string
  readonly #path: string
  readonly quarantined: readonly { readonly key: InstanceKey; readonly why: string }[]

  /** @throws STATE_LOCKED, STATE_CORRUPT, STATE_DISK */
  constructor(options: { readonly path: string; readonly node: string }) {
    this.#path = options.path
    this.#node = options.node
    try {
      this.#db = new DatabaseSync(options.path)
    } catch (error) {
      throw stateError(error, options.path)
    }
    try {
      this.#db.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON',
      )
      const found = migrate(this.#db)
      if (found > SCHEMA_VERSION) {
        throw new PlaygroundError(
          'STATE_CORRUPT',
          `${options.path} was written by a newer version`,
          { hint: 'Install that version again, or give this one a home of its own.' },
        )
      }
      const check = String(Object.values(this.#db.prepare('PRAGMA quick_check(1)').get() ?? {})[0])
      if (check !== 'ok') throw corrupt(options.path, check)
      this.quarantined = setAsideUnreadable(this.#db)
    } catch (error) {
      this.#db.close()
      throw stateError(error, options.path)
    }
  }

  instances(): readonly InstanceRecord[] {
    return this.#run(() =>
      this.#db
        .prepare('SELECT app, version, record FROM instances ORDER BY app, version')
        .all()
        .map((row) => toRecord(row)),
    )
  }

  apps(): readonly AppRecord[] {
    return this.#run(() =>
      this.#db
        .prepare('SELECT app, record FROM apps ORDER BY app')
        .all()
        .map((row) => toAppRecord(row)),
    )
  }

  commit(change: StateChange): readonly SystemEvent[] {
    return this.#transaction(() => {
      this.#saveRecords(change)
      if (change.failure !== undefined) this.#insertFailure(change.failure)
      if (change.floor !== undefined) {
        const { app, version, createdAtMs } = change.floor
        this.#db
          .prepare('INSERT OR REPLACE INTO floors VALUES (?, ?, ?)')
          .run(app, version, createdAtMs)
      }
      if (change.digest !== undefined) {
        const { key, digest } = change.digest
        this.#db
          .prepare('INSERT OR IGNORE INTO digests VALUES (?, ?, ?)')
          .run(key.app, key.version, digest)
      }
      return (change.events ?? []).map((event) => this.#insertEvent(event))
    })
  }

  floor(app: string): ReplayFloor | undefined {
    return this.#run(() => {
      const row = this.#db
        .prepare('SELECT version, created_at_ms FROM floors WHERE app = ?')
        .get(app)
      if (row === undefined) return undefined
      return { app, version: String(row['version']), createdAtMs: Number(row['created_at_ms']) }
    })
  }

  digestOf(key: InstanceKey): string | undefined {
    return this.#run(() => {
      const row = this.#db
        .prepare('SELECT digest FROM digests WHERE app = ? AND version = ?')
        .get(key.app, key.version)
      return row === undefined ? undefined : String(row['digest'])
    })
  }

  events(filter: EventFilter): readonly SystemEvent[] {
    const { afterSeq = 0, sinceMs = 0, app = null, tail = -1, head } = filter
    return this.#run(() => {
      const events = this.#db
        .prepare(
          `SELECT * FROM events WHERE seq > ? AND time_ms >= ? AND (? IS NULL OR app = ?)
           ORDER BY seq ${head === undefined ? 'DESC' : 'ASC'} LIMIT ?`,
        )
        .all(afterSeq, sinceMs, app, app, head ?? tail)
        .map((row) => this.#toEvent(row))
      return head === undefined ? events.reverse() : events
    })
  }

  peers(): readonly string[] {
    return this.#run(() =>
      this.#db
        .prepare('SELECT address FROM peers ORDER BY address')
        .all()
        .map((row) => String(row['address'])),
    )
  }

  addPeer(address: string): void {
    this.#run(() => this.#db.prepare('INSERT OR IGNORE INTO peers VALUES (?)').run(address))
  }

  claimNonce(claim: NonceClaim): NonceOutcome {
    return this.#transaction(() => claimNonce(this.#db, claim))
  }

  failures(app: string): readonly FailureBundle[] {
    return this.#run(() =>
      this.#db
        .prepare('SELECT bundle FROM failures WHERE app = ? ORDER BY id DESC')
        .all(app)
        .map((row) => JSON.parse(String(row['bundle'])) as FailureBundle),
    )
  }

  bootId(): string | undefined {
    return this.#run(() => {
      const row = this.#db.prepare("SELECT value FROM meta WHERE key = 'boot'").get()
      return row === undefined ? undefined : String(row['value'])
    })
  }

  setBootId(bootId: string): void {
    this.#run(() => this.#db.prepare("INSERT OR REPLACE INTO meta VALUES ('boot', ?)").run(bootId))
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }

  #saveRecords(change: StateChange): void {
    const save = this.#db.prepare('INSERT OR REPLACE INTO instances VALUES (?, ?, ?)')
    for (const record of change.save ?? [])
      save.run(record.app, record.version, JSON.stringify(record))
    const remove = this.#db.prepare('DELETE FROM instances WHERE app = ? AND version = ?')
    for (const key of change.remove ?? []) remove.run(key.app, key.version)
    const saveApp = this.#db.prepare('INSERT OR REPLACE INTO apps VALUES (?, ?)')
    for (const app of change.saveApps ?? []) saveApp.run(app.app, JSON.stringify(app))
    for (const app of change.removeApps ?? []) {
      this.#db.prepare('DELETE FROM apps WHERE app = ?').run(app)
      this.#db.prepare('DELETE FROM failures WHERE app = ?').run(app)
    }
    const erase = this.#db.prepare(
      "DELETE FROM failures WHERE app = ? AND json_extract(bundle, '$.version') = ?",
    )
    for (const key of change.eraseFailures ?? []) erase.run(key.app, key.version)
  }

  #insertFailure(bundle: FailureBundle): void {
    this.#db
      .prepare('INSERT INTO failures (app, bundle) VALUES (?, ?)')
      .run(bundle.app, JSON.stringify(bundle))
    this.#db
      .prepare(
        `DELETE FROM failures WHERE app = ?1 AND id NOT IN
         (SELECT id FROM failures WHERE app = ?1 ORDER BY id DESC LIMIT ?2)`,
      )
      .run(bundle.app, MAX_FAILURES_PER_APP)
  }

  #insertEvent(event: NewEvent): SystemEvent {
    const result = this.#db
      .prepare(
        'INSERT INTO events (time_ms, type, app, version, message, code, by) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(event.timeMs, event.type, event.app, event.version, event.message, event.code, event.by)
    const seq = Number(result.lastInsertRowid)
    if (seq % 100 === 0) this.#db.prepare('DELETE FROM events WHERE seq <= ?').run(seq - MAX_EVENTS)
    return { ...event, seq, node: this.#node }
  }

  #toEvent(row: Record<string, unknown>): SystemEvent {
    const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
    return {
      seq: Number(row['seq']),
      timeMs: Number(row['time_ms']),
      node: this.#node,
      type: row['type'] as EventType,
      app: text(row['app']),
      version: text(row['version']),
      message: text(row['message']) ?? '',
      code: text(row['code']),
      by: text(row['by']),
    }
  }

  #transaction<Result>(work: () => Result): Result {
    return this.#run(() => {
      this.#db.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#db.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
        throw error
      }
    })
  }

  #run<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw stateError(error, this.#path)
    }
  }
}
