import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogEntry } from '@p2p-playground/core'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { followFeeds } from './follower.js'
import { KEY, storeFixture, write } from './log-fixture.test.support.js'
import type { LogStore } from './log-store.js'
import type { StoreQuery } from './log-query.js'

interface Following {
  readonly entries: LogEntry[]
  readonly done: Promise<void>
  readonly stop: () => void
}

/** Follows in the background; `pace` is awaited after each answer with entries. */
function follow(
  store: LogStore,
  query: Partial<StoreQuery> = {},
  pace: () => Promise<unknown> = () => Promise.resolve(),
): Following {
  const stop = new AbortController()
  onTestFinished(() => {
    stop.abort()
  })
  const entries: LogEntry[] = []
  const run = async (): Promise<void> => {
    const asked = { kinds: ['app' as const], app: KEY.app, ...query }
    for await (const answer of followFeeds([store], asked, stop.signal)) {
      entries.push(...answer.entries)
      if (answer.entries.length > 0) await pace()
    }
  }
  const done = run()
  return {
    entries,
    done,
    stop: () => {
      stop.abort()
    },
  }
}

const lines = ({ entries }: Following): string[] => entries.map((entry) => entry.line)
const until = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 2 })

describe('followFeeds', () => {
  it('gives what is stored and then what comes', async () => {
    const { store, open, stored } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'one\n')
    await stored(1)
    const following = follow(store)
    await until(() => {
      expect(lines(following)).toEqual(['one'])
    })
    write(log.stdoutPath, 'two\n')
    await until(() => {
      expect(lines(following)).toEqual(['one', 'two'])
    })
  })

  it.each<[string, Partial<StoreQuery>, string[]]>([
    ['the newest one first', { tail: 1 }, ['b2', 'a3', 'b4']],
    ['nothing that is stored', { tail: 0 }, ['a3', 'b4']],
    ['only lines with a text', { grep: 'b' }, ['b2', 'b4']],
    ['only what comes after a number', { after: { 'hello@1.0.0': 2 } }, ['a3', 'b4']],
    ['only another version', { version: '2.0.0' }, []],
  ])('gives %s', async (_, query, expected) => {
    const { store, open, stored } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'a1\nb2\n')
    await stored(2)
    const all = follow(store)
    const following = follow(store, query)
    await until(() => {
      expect(lines(all)).toHaveLength(2)
    })
    write(log.stdoutPath, 'a3\nb4\n')
    await until(() => {
      expect(lines(all)).toHaveLength(4)
      expect(lines(following)).toEqual(expected)
    })
  })

  it('gives versions that start later, and those that begin anew', async () => {
    const { store, open } = storeFixture()
    const following = follow(store)
    write((await open()).stdoutPath, 'one\ntwo\n')
    await until(() => {
      expect(lines(following)).toEqual(['one', 'two'])
    })
    write((await open({ app: KEY.app, version: '2.0.0' })).stdoutPath, 'three\n')
    await until(() => {
      expect(lines(following)).toEqual(['one', 'two', 'three'])
    })
    await store.remove(KEY.app, KEY.version)
    write((await open()).stdoutPath, 'again\n')
    await until(() => {
      expect(lines(following)).toEqual(['one', 'two', 'three', 'again'])
    })
  })

  it('gives everything to one who does not keep up, without holding it meanwhile', async () => {
    const { store, open, stored } = storeFixture()
    const log = await open()
    const gate = Promise.withResolvers<undefined>()
    const following = follow(store, {}, () => gate.promise)
    write(log.stdoutPath, '0\n')
    await until(() => {
      expect(following.entries).toHaveLength(1)
    })
    const count = 20_000
    for (let from = 1; from < count; from += 500) {
      const numbers = Array.from(
        { length: Math.min(500, count - from) },
        (_, index) => from + index,
      )
      write(log.stdoutPath, `${numbers.join('\n')}\n`)
    }
    await stored(count)
    expect(following.entries).toHaveLength(1)
    gate.resolve(undefined)
    await until(() => {
      expect(following.entries).toHaveLength(count)
    })
    expect(lines(following)).toEqual(Array.from({ length: count }, (_, index) => String(index)))
    write(log.stdoutPath, 'live again\n')
    await until(() => {
      expect(lines(following).at(-1)).toBe('live again')
    })
  })

  it('does not give old lines of another version to one who fell behind', async () => {
    const { store, open, stored } = storeFixture()
    write((await open({ app: KEY.app, version: '0.9.0' })).stdoutPath, 'old\n'.repeat(10))
    await stored(10)
    const log = await open()
    write(log.stdoutPath, 'first\n')
    await stored(11)
    const gate = Promise.withResolvers<undefined>()
    const following = follow(store, { tail: 1 }, () => gate.promise)
    await until(() => {
      expect(lines(following)).toEqual(['first'])
    })
    write(log.stdoutPath, 'x\n'.repeat(5000))
    await stored(5011)
    gate.resolve(undefined)
    await until(() => {
      expect(following.entries).toHaveLength(5001)
    })
    expect(lines(following)).not.toContain('old')
  })

  it('ends when it is told to, and when the store is closed', async () => {
    const { store, open } = storeFixture()
    await open()
    const [one, other] = [follow(store), follow(store)]
    await nextTurn()
    one.stop()
    await one.done
    await store.close()
    await other.done
    await follow(store).done
  })

  it('has neither gap nor repeat, whenever it begins and however slow it is', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ kind: fc.constant('follow' as const), turns: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ kind: fc.constant('turn' as const) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const { store, open } = storeFixture({ maxBytesPerApp: 8 * 64 * 1024 })
        let log = await open()
        let written = 0
        const followers: Following[] = []
        for (const each of steps) {
          if (each.kind === 'write') {
            const path = written % 2 === 0 ? log.stdoutPath : log.stderrPath
            write(
              path,
              `${Array.from({ length: each.count }, () => String(++written)).join('\n')}\n`,
            )
          } else if (each.kind === 'follow') {
            followers.push(
              follow(store, {}, async () => {
                for (let turn = 0; turn < each.turns; turn += 1) await nextTurn()
              }),
            )
          } else if (each.kind === 'restart') {
            await store.finish(KEY)
            log = await open()
          } else await nextTurn()
        }
        await store.finish(KEY)
        await until(() => {
          for (const { entries } of followers) expect(entries).toHaveLength(written)
        })
        const seqs = Array.from({ length: written }, (_, index) => index + 1)
        for (const { entries, stop, done } of followers) {
          expect(entries.map((entry) => entry.seq)).toEqual(seqs)
          expect(entries.map((entry) => Number(entry.line)).sort((a, b) => a - b)).toEqual(seqs)
          stop()
          await done
        }
        await store.close()
      }),
      { numRuns: 25 },
    )
  })
})
