import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogEntry, LogSink, NewEvent } from '@p2p-playground/core'
import { PlaygroundError, formatInstance, systemClock } from '@p2p-playground/core'
import { InMemoryLogSink, waitFor } from '@p2p-playground/testkit'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { InstanceTable } from '../engine/instance-table.js'
import { createDaemonLogger } from '../logs/daemon-logger.js'
import { EventFeed } from '../logs/event-feed.js'
import { KEY, storeFixture, temporaryDir, write } from '../logs/log-fixture.test.support.js'
import type { LogFeed } from '../logs/log-feed.js'
import { LogStore } from '../logs/log-store.js'
import { NodeLogs } from '../logs/node-logs.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { Shipping } from './shipping.js'
import type { ConfiguredSink } from './shipping.js'

const KINDS = ['app', 'daemon', 'event'] as const

/** What a node has beside its engine, on a real disk. */
interface Node {
  readonly logs: NodeLogs
  readonly shipping: Shipping
  readonly logger: Awaited<ReturnType<typeof createDaemonLogger>>['logger']
  readonly record: (event: Partial<NewEvent>) => void
  readonly close: () => Promise<void>
}

let dir: string

beforeEach(() => {
  dir = temporaryDir()
})

async function startNode(
  sinks: readonly ConfiguredSink[],
  options: { readonly maxBytesPerApp?: number } = {},
): Promise<Node> {
  const common = { node: 'n1', clock: systemClock }
  const { logger, log, close } = await createDaemonLogger({
    ...{ ...common, dir, level: 'debug', foreground: false, redact: [] },
  })
  const apps = new LogStore({
    ...{ ...common, rootDir: join(dir, 'apps'), logger, redact: [] },
    ...{ maxAgeMs: Infinity, maxBytesPerApp: options.maxBytesPerApp ?? 100_000_000 },
  })
  const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n1' })
  const table = new InstanceTable(store)
  const logs = new NodeLogs({ apps, daemon: log, events: new EventFeed({ store, table }) })
  const record = (event: Partial<NewEvent>): void => {
    const none = { app: null, version: null, code: null, by: null }
    table.record({ timeMs: 1, type: 'started', message: 'm', ...none, ...event })
  }
  const limits = { lingerMs: 20, drainMs: 300 }
  const { feeds } = logs
  const shipping = new Shipping({
    ...{ sinks, feeds, dir: join(dir, 'sinks'), clock: systemClock, logger, record, limits },
  })
  apps.claimedBy(shipping)
  await shipping.start()
  let isOpen = true
  const closeAll = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    await shipping.stop()
    await apps.close()
    await close()
    store.close()
  }
  onTestFinished(closeAll)
  return { logs, shipping, logger, record, close: closeAll }
}

/** Writes lines as an app does, and waits until they are stored. */
async function logLines(node: Node, count: number, text = 'line'): Promise<void> {
  const { stdoutPath } = await node.logs.apps.open(KEY, { secrets: [] })
  const before = node.logs.apps.sources({ kinds: ['app'], ...KEY })[0]?.nextSeq ?? 1
  const lines = Array.from({ length: count }, (_, index) => `${text} ${String(before + index)}\n`)
  write(stdoutPath, lines.join(''))
  await waitFor('all is stored', () => {
    return node.logs.apps.sources({ kinds: ['app'], ...KEY })[0]?.nextSeq === before + count
  })
}

const isApp = (entry: LogEntry): boolean => entry.kind === 'app'

async function shippedAll({ shipping }: Node): Promise<void> {
  await waitFor('nothing waits', () => shipping.status().every(({ lagLines }) => lagLines === 0))
}

const failing: LogSink = {
  write: () => Promise.reject(new PlaygroundError('SINK_UNAVAILABLE', 'away')),
}

describe('Shipping', () => {
  it('ships lines of apps, of the daemon and events, each sink the kinds that it is to have', async () => {
    const all = new InMemoryLogSink()
    const some = new InMemoryLogSink()
    const node = await startNode([
      { name: 'all', kinds: KINDS, sink: all },
      { name: 'some', kinds: ['app', 'event'], sink: some },
    ])
    await logLines(node, 3)
    node.logger.info('hello', { a: 1 })
    node.record({ message: 'something happened' })
    await shippedAll(node)
    expect(all.entries.filter(isApp)).toMatchObject([
      { kind: 'app', ...KEY, seq: 1, line: 'line 1', node: 'n1', stream: 'stdout' },
      { seq: 2, line: 'line 2' },
      { seq: 3, line: 'line 3' },
    ])
    expect(all.entries).toContainEqual(
      expect.objectContaining({ kind: 'daemon', event: 'hello', fields: { a: 1 } }),
    )
    expect(all.entries).toContainEqual(
      expect.objectContaining({
        kind: 'event',
        line: expect.stringContaining('something') as string,
      }),
    )
    expect(new Set(some.entries.map(({ kind }) => kind))).toEqual(new Set(['app', 'event']))
    expect(node.shipping.status().map(({ name }) => name)).toEqual(['all', 'some'])
  })

  it('goes on where it was after a restart, and ships nothing twice', async () => {
    const first = new InMemoryLogSink()
    const node = await startNode([{ name: 's', kinds: ['app'], sink: first }])
    await logLines(node, 10)
    await shippedAll(node)
    await node.close()
    const second = new InMemoryLogSink()
    const again = await startNode([{ name: 's', kinds: ['app'], sink: second }])
    await logLines(again, 5)
    await shippedAll(again)
    expect(first.entries).toHaveLength(10)
    expect(second.entries.map(({ seq }) => seq)).toEqual([11, 12, 13, 14, 15])
    expect(again.shipping.status()).toMatchObject([{ shippedLines: 15, lostLines: 0 }])
    await again.close()
    expect(readdirSync(join(dir, 'sinks', 's'))).toEqual(['ledger.json'])
  })

  it('keeps segments beyond the cap for a sink that is away, up to the cap for that, and counts the rest', async () => {
    const sink = { write: failing.write.bind(failing) }
    const kinds = ['app'] as const
    const node = await startNode([{ name: 's', kinds, sink }], { maxBytesPerApp: 40_000 })
    const pad = 'x'.repeat(90)
    const segments = join(dir, 'apps', KEY.app, KEY.version, 'segments')
    const keptBytes = (): number =>
      readdirSync(segments).reduce((sum, name) => sum + statSync(join(segments, name)).size, 0)
    for (let round = 0; round < 6; round += 1) await logLines(node, 100, pad)
    expect(keptBytes()).toBeGreaterThan(55_000)
    expect(node.logs.apps.dropped(KEY.app)).toEqual({ [KEY.version]: 0 })
    for (let round = 0; round < 6; round += 1) await logLines(node, 100, pad)
    const dropped = node.logs.apps.dropped(KEY.app)[KEY.version] ?? 0
    expect(dropped).toBeGreaterThan(300)
    expect(keptBytes()).toBeLessThan(90_000)
    const there = new InMemoryLogSink()
    sink.write = (batch, signal) => there.write(batch, signal)
    await shippedAll(node)
    const [status] = node.shipping.status()
    expect(there.entries).toHaveLength(status?.shippedLines ?? 0)
    expect((status?.shippedLines ?? 0) + (status?.lostLines ?? 0)).toBe(1200)
    // One batch was in memory all the while.
    expect(status?.lostLines).toBeLessThanOrEqual(dropped)
    await logLines(node, 100, pad)
    await shippedAll(node)
    await waitFor('the usual cap holds again', () => keptBytes() <= 45_000)
  }, 60_000)

  it('has the last lines of a log before that is removed', async () => {
    const sink = new InMemoryLogSink()
    const node = await startNode([{ name: 's', kinds: ['app'], sink }])
    await logLines(node, 4)
    await node.logs.apps.remove(KEY.app)
    expect(sink.entries).toHaveLength(4)
    expect(existsSync(join(dir, 'apps', KEY.app))).toBe(false)
    await logLines(node, 2, 'second life')
    await shippedAll(node)
    expect(sink.entries).toHaveLength(6)
    expect(new Set(sink.entries.map((entry) => entry.kind === 'app' && entry.instance)).size).toBe(
      2,
    )
    expect(node.shipping.status()).toMatchObject([{ shippedLines: 6, lostLines: 0 }])
  })

  it('does not feed a sink with what it has to say of it', async () => {
    let batches = 0
    const refusing: LogSink = {
      write: ({ entries }) => {
        batches += 1
        const [entry] = entries
        throw new PlaygroundError('SINK_REFUSED', `never "${entry?.line ?? ''}"`)
      },
    }
    const node = await startNode([{ name: 's', kinds: KINDS, sink: refusing }])
    await logLines(node, 2)
    await shippedAll(node)
    const before = batches
    for (let turn = 0; turn < 200; turn += 1) await nextTurn()
    await shippedAll(node)
    // The line on the refused ones was refused too, and that was all.
    expect(batches - before).toBeLessThanOrEqual(2)
    const lines: LogEntry[] = []
    for await (const { entries } of node.logs.query({ kinds: ['daemon'] })) lines.push(...entries)
    const told = lines.filter((entry) => entry.kind === 'daemon' && /refused/.test(entry.event))
    expect(told).toHaveLength(1)
  })

  it('records once that a sink takes nothing from us, and once that it takes again', async () => {
    let isDenied = true
    const sink: LogSink = {
      write: () => {
        if (isDenied) throw new PlaygroundError('SINK_DENIED', 'wrong password')
        return Promise.resolve()
      },
    }
    const node = await startNode([{ name: 's', kinds: ['app', 'event'], sink }])
    await logLines(node, 1)
    await waitFor('it is paused', () => node.shipping.status()[0]?.state === 'paused')
    isDenied = false
    await node.close()
    const again = await startNode([{ name: 's', kinds: ['app', 'event'], sink }])
    await shippedAll(again)
    const events: LogEntry[] = []
    for await (const { entries } of again.logs.query({ kinds: ['event'] })) events.push(...entries)
    expect(events).toMatchObject([
      {
        type: 'log-sink-paused',
        code: 'SINK_DENIED',
        line: expect.stringContaining('wrong password') as string,
      },
      { type: 'log-sink-resumed', code: null },
    ])
  })

  it('says at once that the disk refuses to keep how far a sink is', async () => {
    const away = join(dir, 'not mounted')
    mkdirSync(join(dir, 'sinks'))
    symlinkSync(away, join(dir, 'sinks', 's'))
    const sink = new InMemoryLogSink()
    const node = await startNode([{ name: 's', kinds: ['app'], sink }])
    const lines: LogEntry[] = []
    for await (const { entries } of node.logs.query({ kinds: ['daemon'] })) lines.push(...entries)
    expect(lines).toMatchObject([
      {
        event: 'log-sink-ledger-failed',
        fields: { sink: 's', error: expect.stringContaining('EEXIST') as string },
      },
    ])
    await logLines(node, 1)
    expect(sink.entries).toEqual([])
    mkdirSync(away)
    await shippedAll(node)
    expect(sink.entries).toHaveLength(1)
  })

  it('ships nothing when one of its sinks cannot be started', async () => {
    const { store, logger } = storeFixture()
    let listeners = 0
    const app: LogFeed = {
      sources: (query) => store.sources(query),
      subscribe: (listener) => {
        const leave = store.subscribe(listener)
        listeners += 1
        return () => {
          listeners -= 1
          leave()
        }
      },
    }
    // No file can be read there.
    for (const name of ['bad', 'worse'])
      mkdirSync(join(dir, name, 'ledger.json'), { recursive: true })
    const sinks = ['good', 'bad', 'worse'].map((name) => ({
      ...{ name, kinds: ['app'] as const, sink: new InMemoryLogSink() },
    }))
    const shipping = new Shipping({
      ...{ sinks, feeds: { app, daemon: app, event: app }, dir, clock: systemClock, logger },
      record: () => undefined,
    })
    await expect(shipping.start()).rejects.toMatchObject({ code: 'STATE_DISK' })
    expect(listeners).toBe(0)
    const told = logger.lines.filter(({ event }) => event === 'log-sink-start-failed')
    expect(told).toMatchObject([{ fields: { error: expect.stringContaining('worse') as string } }])
  })

  it('needs nothing of apps for a sink that is to have none', async () => {
    const node = await startNode([{ name: 's', kinds: ['event'], sink: new InMemoryLogSink() }])
    expect(node.shipping.neededFrom(formatInstance(KEY), 'x')).toBe(Infinity)
  })
})
