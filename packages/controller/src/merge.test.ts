import fc from 'fast-check'
import type { Followed } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { mergeLive } from './merge.js'
import { mergeSorted } from './merge-sorted.js'
import { reorder } from './reorder.js'
import type { NodeItem } from './reorder.js'
import { all } from './testing/drain.js'
import { Feed } from './testing/feed.js'

async function* of<Item>(...items: readonly Item[]): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item)
}

async function* failing(error: Error): AsyncGenerator<never> {
  await Promise.reject(error)
  yield* []
}

describe('mergeLive', () => {
  it('gives all items of all sources, each source in its order', async () => {
    const merged = await all(mergeLive([of('a1', 'a2', 'a3'), of<string>(), of('b1', 'b2')]))
    expect(merged.filter((item) => item.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
    expect(merged.filter((item) => item.startsWith('b'))).toEqual(['b1', 'b2'])
  })

  it('ends at once when there is no source', async () => {
    expect(await all(mergeLive([]))).toEqual([])
  })

  it('does not wait for a silent source', async () => {
    const end = new AbortController()
    const merged = mergeLive<readonly string[]>([
      new Feed<string>().follow(end.signal),
      of(['a'], ['b']),
    ])
    expect(await merged.next()).toMatchObject({ value: ['a'] })
    expect(await merged.next()).toMatchObject({ value: ['b'] })
    end.abort()
    expect(await merged.next()).toMatchObject({ done: true })
  })

  it('throws what a source throws, after what was there before', async () => {
    const merged = mergeLive([of('a'), failing(new Error('broken'))])
    expect(await merged.next()).toMatchObject({ value: 'a' })
    await expect(merged.next()).rejects.toThrow('broken')
  })

  it('lets a source run no further than its last item was taken', async () => {
    let made = 0
    async function* counted(): AsyncGenerator<number> {
      for (;;) yield await Promise.resolve((made += 1))
    }
    const merged = mergeLive([counted()])
    await merged.next()
    await merged.next()
    expect(made).toBe(2)
    await merged.return(undefined)
  })

  it('ends its sources when the reader stops', async () => {
    const ended = Promise.withResolvers<string>()
    async function* source(): AsyncGenerator<number> {
      try {
        for (;;) yield await Promise.resolve(1)
      } finally {
        ended.resolve('ended')
      }
    }
    for await (const item of mergeLive([source()])) {
      expect(item).toBe(1)
      break
    }
    expect(await ended.promise).toBe('ended')
  })
})

describe('mergeSorted', () => {
  interface Numbered {
    readonly number: number
    readonly source: number
  }
  const byNumber = (a: Numbered, b: Numbered): number => a.number - b.number

  it('gives the order that sorting everything would give, whatever the batches are', async () => {
    const sources = fc.array(fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 5 }), {
      maxLength: 5,
    })
    await fc.assert(
      fc.asyncProperty(sources, async (numbers) => {
        const batches = numbers.map((batch, source) => {
          const sorted = batch.flat().sort((a, b) => a - b)
          const sizes = batch.map((one) => one.length)
          let start = 0
          return sizes.map((size) => {
            const items = sorted.slice(start, start + size).map((number) => ({ number, source }))
            start += size
            return items
          })
        })
        const merged = await all(
          mergeSorted(
            batches.map((one) => of(...one)),
            byNumber,
          ),
        )
        expect(merged).toEqual(
          batches.flat(2).sort((a, b) => byNumber(a, b) || a.source - b.source),
        )
      }),
    )
  })

  it('ends its sources when the reader stops', async () => {
    let ended = 0
    async function* source(): AsyncGenerator<Numbered[]> {
      try {
        for (;;) yield await Promise.resolve([{ number: 1, source: 0 }])
      } finally {
        ended += 1
      }
    }
    for await (const item of mergeSorted([source(), source()], byNumber)) {
      expect(item.number).toBe(1)
      break
    }
    expect(ended).toBe(2)
  })
})

describe('reorder', () => {
  /** Items of one node each, at that time. */
  const item = (...times: number[]): Followed<NodeItem[]> => ({
    kind: 'item',
    item: times.map((timeMs) => ({ node: String(timeMs), timeMs })),
  })
  const failure = {
    kind: 'failure',
    failure: { node: 'one', peerId: 'one', code: 'NODE_UNREACHABLE', message: '' },
  } as const

  /** A clock whose waits end when the test says so. */
  function heldClock(): {
    readonly clock: Parameters<typeof reorder>[1]['clock']
    readonly release: () => void
  } {
    const waits: (() => void)[] = []
    const sleep = async (): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      waits.push(() => {
        resolve(undefined)
      })
      await promise
    }
    const release = (): void => {
      for (const wake of waits.splice(0)) wake()
    }
    return { clock: { now: () => 0, monotonic: () => 0, sleep }, release }
  }

  it('puts what comes within the window in order, and keeps nothing at the end', async () => {
    const { clock } = heldClock()
    const source = of(item(3), item(1), item(2, 5))
    const out = await all(reorder(source, { windowMs: 5, clock }))
    expect(out.map((one) => (one.kind === 'item' ? one.item.timeMs : 0))).toEqual([1, 2, 3, 5])
  })

  it('holds nothing longer than the window', async () => {
    const { clock, release } = heldClock()
    const feed = new Feed<Followed<NodeItem[]>>()
    const end = new AbortController()
    async function* flat(): AsyncGenerator<Followed<NodeItem[]>> {
      for await (const batch of feed.follow(end.signal)) yield* batch
    }
    feed.push(item(3), item(1))
    const out = reorder(flat(), { windowMs: 5, clock })
    const first = out.next()
    await new Promise(setImmediate)
    release()
    expect(await first).toEqual({
      done: false,
      value: { kind: 'item', item: { node: '1', timeMs: 1 } },
    })
    feed.push(item(2))
    expect(await out.next()).toMatchObject({ value: { item: { timeMs: 3 } } })
    const late = out.next()
    await new Promise(setImmediate)
    release()
    expect(await late).toMatchObject({ value: { item: { timeMs: 2 } } })
    end.abort()
    expect(await out.next()).toMatchObject({ done: true })
  })

  it.each<[string, ...number[]]>([
    ['back', 3_600_000, 0],
    ['forth and back', 0, 3_600_000, 1],
  ])('keeps the order of a node whose clock is set %s an hour', async (_what, ...times) => {
    const { clock } = heldClock()
    const items = times.map((timeMs, index) => ({ node: 'a', timeMs, name: `a${String(index)}` }))
    const other = { node: 'b', timeMs: 1_800_000, name: 'b' }
    const source = of<Followed<(typeof other)[]>>(
      { kind: 'item', item: items },
      { kind: 'item', item: [other] },
    )
    const out = await all(reorder(source, { windowMs: 5, clock }))
    const names = out.map((one) => (one.kind === 'item' ? one.item.name : ''))
    expect(names.filter((name) => name !== 'b')).toEqual(items.map(({ name }) => name))
    expect(names).toContain('b')
  })

  it('lets failures pass at once', async () => {
    const { clock } = heldClock()
    const out = await all(reorder(of(item(2), failure, item(1)), { windowMs: 5, clock }))
    expect(out.map(({ kind }) => kind)).toEqual(['failure', 'item', 'item'])
  })
})
