import { join } from 'node:path'
import { logSourceOf } from '@p2p-playground/core'
import type { LogEntry, NewEvent } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { InstanceTable } from '../engine/instance-table.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { DaemonLog } from './daemon-log.js'
import { EventFeed } from './event-feed.js'
import { KEY, temporaryDir, write } from './log-fixture.test.support.js'
import type { LogAnswer } from './log-feed.js'
import type { StoreQuery } from './log-query.js'
import { LogStore } from './log-store.js'
import type { InstanceLog } from './log-store.js'
import { NodeLogs } from './node-logs.js'

const ALL = ['app', 'daemon', 'event'] as const
const START_MS = 1_700_000_000_000

/** A node's logs, as a daemon has them; opened again over the same directory they are those of the next daemon. */
class Fixture {
  readonly clock = new FakeClock(START_MS)
  readonly apps: LogStore
  readonly daemon: DaemonLog
  readonly logs: NodeLogs
  readonly #store: SqliteStateStore
  readonly #table: InstanceTable

  constructor(dir: string) {
    const { clock } = this
    const logger = new RecordingLogger()
    this.apps = new LogStore({
      rootDir: join(dir, 'apps'),
      node: 'n',
      clock,
      logger,
      maxBytesPerApp: 10_000_000,
      maxAgeMs: Infinity,
      redact: [],
    })
    this.daemon = new DaemonLog({ dir, node: 'n', clock, redact: (text) => text })
    this.#store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n' })
    this.#table = new InstanceTable(this.#store)
    const events = new EventFeed({ store: this.#store, table: this.#table })
    this.logs = new NodeLogs({ apps: this.apps, daemon: this.daemon, events })
    onTestFinished(() => this.close())
  }

  async close(): Promise<void> {
    await this.apps.close()
    await this.daemon.close()
    this.#store.close()
  }

  happen(message: string, patch: Partial<NewEvent> = {}): void {
    this.#table.record(this.#eventOf(message, patch))
  }

  /** Many at once, of which nobody is told. */
  haveHappened(messages: readonly string[]): void {
    this.#store.commit({ events: messages.map((message) => this.#eventOf(message)) })
  }

  #eventOf(message: string, patch: Partial<NewEvent> = {}): NewEvent {
    const nobody = { app: null, version: null, code: null, by: null }
    return { timeMs: this.clock.now(), type: 'started', ...nobody, message, ...patch }
  }

  say(event: string, fields: Record<string, string> = {}): void {
    this.daemon.write('info', event, fields)
  }

  async open(version = KEY.version): Promise<InstanceLog> {
    return this.apps.open({ app: KEY.app, version }, { secrets: [] })
  }

  /** Writes a line and waits until it is stored, at the time that the clock has now. */
  async write(log: InstanceLog, line: string): Promise<void> {
    write(log.stdoutPath, `${line}\n`)
    await vi.waitFor(async () => {
      expect(await this.lines({ kinds: ['app'], grep: line })).toHaveLength(1)
    })
  }

  async answers(query: Partial<StoreQuery> = {}): Promise<LogAnswer[]> {
    const found: LogAnswer[] = []
    for await (const answer of this.logs.query({ kinds: ALL, ...query })) found.push(answer)
    return found
  }

  async lines(query: Partial<StoreQuery> = {}): Promise<string[]> {
    return (await this.answers(query)).flatMap(({ entries }) => entries.map(({ line }) => line))
  }
}

/** One line of each kind, twice, a second apart. */
async function filled(): Promise<Fixture> {
  const fixture = new Fixture(temporaryDir())
  const log = await fixture.open()
  for (const round of ['1', '2']) {
    fixture.happen(`event ${round}`, { app: KEY.app, version: KEY.version })
    await fixture.clock.advance(1000)
    fixture.say(`daemon-${round}`, { app: KEY.app })
    await fixture.clock.advance(1000)
    await fixture.write(log, `app ${round}`)
    await fixture.clock.advance(1000)
  }
  fixture.happen('of nobody', { type: 'refused', code: 'AUTH_ROLE' })
  return fixture
}

describe('NodeLogs', () => {
  it.each<[string, Partial<StoreQuery>, string[]]>([
    ['app', { kinds: ['app'] }, ['app 1', 'app 2']],
    ['daemon', { kinds: ['daemon'] }, ['INFO  daemon-1 app=hello', 'INFO  daemon-2 app=hello']],
    [
      'event',
      { kinds: ['event'] },
      ['started event 1', 'started event 2', 'refused AUTH_ROLE of nobody'],
    ],
    [
      'all, merged by time',
      {},
      [
        'started event 1',
        'INFO  daemon-1 app=hello',
        'app 1',
        'started event 2',
        'INFO  daemon-2 app=hello',
        'app 2',
        'refused AUTH_ROLE of nobody',
      ],
    ],
    ['all of an app', { app: KEY.app, tail: 2 }, ['INFO  daemon-2 app=hello', 'app 2']],
    ['all of a version', { ...KEY, tail: 2 }, ['started event 2', 'app 2']],
    ['the newest few', { tail: 2 }, ['app 2', 'refused AUTH_ROLE of nobody']],
    ['a text', { grep: '2' }, ['started event 2', 'INFO  daemon-2 app=hello', 'app 2']],
    [
      'a time',
      { sinceMs: START_MS + 1000, untilMs: START_MS + 2000 },
      ['INFO  daemon-1 app=hello', 'app 1'],
    ],
    ['a stream, which only apps have', { stream: 'stdout' }, ['app 1', 'app 2']],
    [
      'what comes after a number of each',
      { after: { event: 2, daemon: 1, 'hello@1.0.0': 1 } },
      ['INFO  daemon-2 app=hello', 'app 2', 'refused AUTH_ROLE of nobody'],
    ],
  ])('finds %s', async (_what, query, expected) => {
    expect(await (await filled()).lines(query)).toEqual(expected)
  })

  it('reads many events in their order, and says how many are gone', async () => {
    const fixture = new Fixture(temporaryDir())
    const events = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `started event ${String(from + index)}`)
    fixture.haveHappened(Array.from({ length: 10_200 }, (_, index) => `event ${String(index + 1)}`))
    expect(await fixture.lines({ kinds: ['event'] })).toEqual(events(201, 10_000))
    const [first] = await fixture.answers({ kinds: ['event'] })
    expect(first?.dropped).toEqual([{ source: 'event', lines: 200 }])
    expect(await fixture.lines({ kinds: ['event'], tail: 2 })).toEqual(events(10_199, 2))
  }, 20_000)

  it('repeats no event when old ones go while they are read', async () => {
    const fixture = new Fixture(temporaryDir())
    const events = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `event ${String(index + 1)}`)
    fixture.haveHappened(events(10_000))
    const seqs: number[] = []
    for await (const { entries } of fixture.logs.query({ kinds: ['event'] })) {
      if (seqs.length === 0 && entries.length > 0) fixture.haveHappened(events(1200))
      seqs.push(...entries.map(({ seq }) => seq))
    }
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    expect(seqs.at(-1)).toBe(10_000)
  }, 20_000)

  it('is followed in all kinds over daemons that end and begin, without gap or repeat', async () => {
    const dir = temporaryDir()
    const seen: LogEntry[] = []
    const after: Record<string, number> = {}
    let written = 0
    for (let life = 0; life < 4; life += 1) {
      const fixture = new Fixture(dir)
      const log = await fixture.open()
      const stop = new AbortController()
      const read = async (): Promise<void> => {
        const query = { kinds: ALL, after: { ...after } }
        for await (const { entries } of fixture.logs.follow(query, stop.signal)) {
          for (const entry of entries) after[logSourceOf(entry)] = entry.seq
          seen.push(...entries)
        }
      }
      const write = async (count: number): Promise<void> => {
        for (let one = 0; one < count; one += 1) {
          written += 1
          fixture.happen('event')
          fixture.say('daemon')
          await fixture.write(log, `line ${String(written)} end`)
        }
      }
      await write(3)
      const reading = read()
      await write(3)
      await vi.waitFor(() => {
        expect(seen).toHaveLength(3 * written)
      })
      stop.abort()
      await reading
      await write(2)
      await fixture.close()
    }
    const numbers = Array.from({ length: written - 2 }, (_, index) => index + 1)
    for (const source of ['event', 'daemon', 'hello@1.0.0']) {
      const own = seen.filter((entry) => logSourceOf(entry) === source)
      expect(own.map(({ seq }) => seq)).toEqual(numbers)
    }
  })
})

describe('while the wall clock jumps an hour back and forth', () => {
  const JUMPS = [0, 3_600_000, -3_600_000, 60_000, -3_600_000, 7_200_000] as const

  /** Two versions, the daemon and events tell something after each jump, in turn. */
  async function jumped(): Promise<{ fixture: Fixture; live: LogEntry[] }> {
    const fixture = new Fixture(temporaryDir())
    const [one, two] = [await fixture.open('1.0.0'), await fixture.open('2.0.0')]
    const stop = new AbortController()
    onTestFinished(() => {
      stop.abort()
    })
    const live: LogEntry[] = []
    const read = async (): Promise<void> => {
      for await (const { entries } of fixture.logs.follow({ kinds: ALL }, stop.signal)) {
        live.push(...entries)
      }
    }
    const reading = read()
    for (const [index, byMs] of JUMPS.entries()) {
      fixture.clock.setWall(fixture.clock.now() + byMs)
      await fixture.write(one, `one ${String(index)}`)
      fixture.say('daemon')
      await fixture.write(two, `two ${String(index)}`)
      fixture.happen('event')
    }
    await vi.waitFor(() => {
      expect(live).toHaveLength(4 * JUMPS.length)
    })
    stop.abort()
    await reading
    return { fixture, live }
  }

  it('stored and live lines of each source keep their order, and none is lost', async () => {
    const { fixture, live } = await jumped()
    const stored = (await fixture.answers()).flatMap(({ entries }) => entries)
    const seqs = JUMPS.map((_, index) => index + 1)
    for (const entries of [stored, live]) {
      for (const source of ['hello@1.0.0', 'hello@2.0.0', 'daemon', 'event']) {
        const own = entries.filter((entry) => logSourceOf(entry) === source)
        expect(own.map(({ seq }) => seq)).toEqual(seqs)
      }
    }
  })

  it('the newest few are those that were written last in each source', async () => {
    const { fixture } = await jumped()
    expect(await fixture.lines({ kinds: ['app'], version: '1.0.0', tail: 2 })).toEqual([
      'one 4',
      'one 5',
    ])
    expect(await fixture.lines({ kinds: ['daemon'], tail: 2 })).toHaveLength(2)
  })
})
