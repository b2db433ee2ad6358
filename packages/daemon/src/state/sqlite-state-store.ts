import { DatabaseSync } from 'node:sqlite'
import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import type {
  EventFilter,
  EventType,
  InstanceKey,
  InstanceRecord,
  NewEvent,
  ReplayFloor,
  StateStore,
  SystemEvent,
} from '@p2p-playground/core'

const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE instances (app TEXT, version TEXT, record TEXT NOT NULL, PRIMARY KEY (app, version)) WITHOUT ROWID;
  CREATE TABLE floors (app TEXT PRIMARY KEY, version TEXT NOT NULL, created_at_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE digests (app TEXT, version TEXT, digest TEXT NOT NULL, PRIMARY KEY (app, version)) WITHOUT ROWID;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, type TEXT NOT NULL, app TEXT, version TEXT,
    message TEXT NOT NULL, code TEXT, by TEXT
  );
  CREATE TABLE peers (address TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX nonces_by_expiry ON nonces (expires_ms);
  PRAGMA user_version = ${String(SCHEMA_VERSION)};
`

/** Events kept; older ones go. */
const MAX_EVENTS = 10_000

/**
 * StateStore in one SQLite file (WAL, synchronous FULL). The file stays locked while it is open, which is what keeps a
 * second daemon out; the kernel frees the lock however the process ends.
 */
export class SqliteStateStore implements StateStore {
  readonly #db: DatabaseSync
  readonly #node: string
  readonly #path: string

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
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL',
      )
      this.#db.exec('BEGIN IMMEDIATE')
      const version = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'])
      if (version === 0) this.#db.exec(SCHEMA)
      this.#db.exec('COMMIT')
      if (version > SCHEMA_VERSION) {
        throw new PlaygroundError(
          'STATE_CORRUPT',
          `${options.path} was written by a newer version`,
          {
            hint: 'Install that version again, or give this one a home of its own.',
          },
        )
      }
    } catch (error) {
      this.#db.close()
      throw stateError(error, options.path)
    }
  }

  instances(): readonly InstanceRecord[] {
    return this.#run(() =>
      this.#db
        .prepare('SELECT record FROM instances ORDER BY app, version')
        .all()
        .map((row) => parseRecord(row['record'], this.#path)),
    )
  }

  commit(change: Parameters<StateStore['commit']>[0]): readonly SystemEvent[] {
    return this.#run(() => {
      this.#db.exec('BEGIN IMMEDIATE')
      try {
        const save = this.#db.prepare('INSERT OR REPLACE INTO instances VALUES (?, ?, ?)')
        for (const record of change.save ?? [])
          save.run(record.app, record.version, JSON.stringify(record))
        const remove = this.#db.prepare('DELETE FROM instances WHERE app = ? AND version = ?')
        for (const key of change.remove ?? []) remove.run(key.app, key.version)
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
        const events = (change.events ?? []).map((event) => this.#insertEvent(event))
        this.#db.exec('COMMIT')
        return events
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
        throw error
      }
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
    return this.#run(() =>
      this.#db
        .prepare(
          `SELECT * FROM events WHERE seq > ? AND time_ms >= ? AND (? IS NULL OR app = ?)
           ORDER BY seq DESC LIMIT ?`,
        )
        .all(
          filter.afterSeq ?? 0,
          filter.sinceMs ?? 0,
          filter.app ?? null,
          filter.app ?? null,
          filter.tail ?? -1,
        )
        .map((row) => this.#toEvent(row))
        .reverse(),
    )
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

  claimNonce(nonce: string, nowMs: number, expiresMs: number): boolean {
    return this.#run(() => {
      this.#db.prepare('DELETE FROM nonces WHERE expires_ms < ?').run(nowMs)
      const result = this.#db
        .prepare('INSERT OR IGNORE INTO nonces VALUES (?, ?)')
        .run(nonce, expiresMs)
      return Number(result.changes) === 1
    })
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close()
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

  #run<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw stateError(error, this.#path)
    }
  }
}

function parseRecord(text: unknown, path: string): InstanceRecord {
  try {
    return JSON.parse(String(text)) as InstanceRecord
  } catch (cause) {
    throw new PlaygroundError('STATE_CORRUPT', `an instance in ${path} cannot be read`, { cause })
  }
}

/** SQLite's result codes (https://sqlite.org/rescode.html) as ours. */
function stateError(error: unknown, path: string): unknown {
  const code =
    typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined
  if (typeof code !== 'number') return error
  switch (code & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return new PlaygroundError('STATE_LOCKED', `another daemon uses ${path}`, {
        hint: 'Stop it with "p2p-playground daemon stop", or start this one with another --home.',
        cause: error,
      })
    case 8: // SQLITE_READONLY
    case 10: // SQLITE_IOERR
    case 13: // SQLITE_FULL
    case 14: // SQLITE_CANTOPEN
      return new PlaygroundError('STATE_DISK', `cannot write ${path}: ${errorMessage(error)}`, {
        hint: 'Look for a full disk or missing permissions there.',
        cause: error,
      })
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return new PlaygroundError('STATE_CORRUPT', `${path} is damaged: ${errorMessage(error)}`, {
        hint: 'Move the file away and start again: packages and apps stay on disk and can be deployed again.',
        cause: error,
      })
    default:
      return new PlaygroundError('INTERNAL', `SQLite: ${errorMessage(error)}`, { cause: error })
  }
}
