import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newInstanceRecord } from '@p2p-playground/core'
import type { FailureBundle, InstanceRecord, NewEvent } from '@p2p-playground/core'
import { migrate } from './schema.js'
import { SqliteStateStore } from './sqlite-state-store.js'

let dir: string
let path: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-state-'))
  path = join(dir, 'state.db')
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

const RECORD: InstanceRecord = {
  ...newInstanceRecord({ app: 'web', version: '1.0.0' }, 'd1'),
  presence: 'present',
  goal: 'running',
  generation: 1,
  active: true,
  manifest: 'name: web',
  signedBy: 'lead',
  sizeBytes: 10,
  receivedAtMs: 5,
  state: 'running',
  reason: '',
  handle: { runtime: 'process', pid: 4, startTicks: 9, bootId: 'x', data: { a: 1 } },
  runGeneration: 1,
  startedAtMs: 6,
  startsMs: [6],
  ended: null,
  ports: { web: 8080 },
  healthy: null,
}

const KEPT: FailureBundle = {
  app: 'web',
  version: '1.0.0',
  atMs: 1,
  exit: null,
  reason: 'r',
  starts: 1,
  health: null,
  lines: [],
}

function event(patch: Partial<NewEvent> = {}): NewEvent {
  return {
    timeMs: 100,
    type: 'started',
    app: 'web',
    version: '1.0.0',
    message: 'm',
    code: null,
    by: null,
    ...patch,
  }
}

function reopened<Result>(
  store: SqliteStateStore,
  look: (again: SqliteStateStore) => Result,
): Result {
  store.close()
  const again = new SqliteStateStore({ path, node: 'n1' })
  try {
    return look(again)
  } finally {
    again.close()
  }
}

describe('SqliteStateStore', () => {
  it('keeps records, floors, digests, peers and events over a reopening', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    store.commit({
      save: [RECORD],
      floor: { app: 'web', version: '1.0.0', createdAtMs: 3 },
      digest: { key: RECORD, digest: 'd1' },
      events: [event()],
    })
    store.addPeer('/ip4/127.0.0.1/tcp/1/p2p/x')
    reopened(store, (again) => {
      expect(again.instances()).toEqual([RECORD])
      expect(again.floor('web')).toEqual({ app: 'web', version: '1.0.0', createdAtMs: 3 })
      expect(again.digestOf(RECORD)).toBe('d1')
      expect(again.peers()).toEqual(['/ip4/127.0.0.1/tcp/1/p2p/x'])
      expect(again.events({})).toEqual([{ ...event(), seq: 1, node: 'n1' }])
    })
  })

  it('keeps floor and digest when the instance goes', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    store.commit({
      save: [RECORD],
      floor: { app: 'web', version: '1.0.0', createdAtMs: 3 },
      digest: { key: RECORD, digest: 'd1' },
    })
    store.commit({ remove: [RECORD] })
    reopened(store, (again) => {
      expect(again.instances()).toEqual([])
      expect(again.floor('web')?.version).toBe('1.0.0')
      expect(again.digestOf(RECORD)).toBe('d1')
    })
  })

  it('reads a record of a version that knew fewer fields', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    const { erase, ...older } = RECORD
    store.commit({ save: [older as InstanceRecord] })
    expect(erase).toBe(false)
    reopened(store, (again) => {
      expect(again.instances()).toEqual([RECORD])
    })
  })

  it('forgets the failures of one version, and leaves nothing of them in the file', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    const failure = { ...KEPT, version: '1.1.0', lines: [{ stream: 'stdout', line: 'kept line' }] }
    store.commit({ failure: { ...KEPT, lines: [{ stream: 'stdout', line: 'confidential' }] } })
    store.commit({ failure })
    store.commit({ eraseFailures: [RECORD] })
    expect(store.failures('web')).toEqual([failure])
    store.close()
    const content = readFileSync(path, 'latin1')
    expect(content).toContain('kept line')
    expect(content).not.toContain('confidential')
  })

  it('never changes the digest of a version', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    store.commit({ digest: { key: RECORD, digest: 'd1' } })
    store.commit({ digest: { key: RECORD, digest: 'd2' } })
    expect(store.digestOf(RECORD)).toBe('d1')
    store.close()
  })

  it('filters events by time, app, seq and tail', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    store.commit({ events: [event(), event({ timeMs: 200, app: 'db' }), event({ timeMs: 300 })] })
    const seqs = (filter: Parameters<SqliteStateStore['events']>[0]): number[] =>
      store.events(filter).map((one) => one.seq)
    expect(seqs({})).toEqual([1, 2, 3])
    expect(seqs({ sinceMs: 200 })).toEqual([2, 3])
    expect(seqs({ app: 'web' })).toEqual([1, 3])
    expect(seqs({ afterSeq: 2 })).toEqual([3])
    expect(seqs({ tail: 2 })).toEqual([2, 3])
    store.close()
  })

  it('takes a nonce once, over a reopening', () => {
    const claim = { nonce: 'a', nowMs: 1000, bootMs: 1, expiresMs: 2000, keepMs: 500 }
    const store = new SqliteStateStore({ path, node: 'n1' })
    expect(store.claimNonce(claim)).toBe('new')
    reopened(store, (again) => {
      expect(again.claimNonce(claim)).toBe('known')
    })
  })

  it('opens the state of an earlier version, and knows its nonces', () => {
    const old = new DatabaseSync(path)
    migrate(old, 2)
    old.exec("INSERT INTO nonces VALUES ('a', 2000)")
    old.close()
    const store = new SqliteStateStore({ path, node: 'n1' })
    const claim = { nonce: 'a', nowMs: 3000, bootMs: 10_000, expiresMs: 4000, keepMs: 500 }
    expect(store.claimNonce(claim)).toBe('known')
    expect(store.claimNonce({ ...claim, bootMs: 10_501 })).toBe('new')
    store.close()
  })

  it('keeps a second daemon out with STATE_LOCKED', () => {
    const store = new SqliteStateStore({ path, node: 'n1' })
    expect(() => new SqliteStateStore({ path, node: 'n2' })).toThrow(
      expect.objectContaining({ code: 'STATE_LOCKED' }),
    )
    store.close()
  })

  it('names a damaged file with STATE_CORRUPT', () => {
    writeFileSync(path, 'this is no database. '.repeat(500))
    expect(() => new SqliteStateStore({ path, node: 'n1' })).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT' }),
    )
  })

  it('names an unwritable place with STATE_DISK', () => {
    expect(
      () => new SqliteStateStore({ path: join(dir, 'missing', 'state.db'), node: 'n1' }),
    ).toThrow(expect.objectContaining({ code: 'STATE_DISK' }))
  })
})
