import type { ErrorCode, Followed } from '@p2p-playground/core'
import { describe, expect, test } from 'vitest'
import { showFollowed } from './show-followed.js'

interface Item {
  readonly node: string
}

const item = (node: string): Followed<Item> => ({ kind: 'item', item: { node } })
const failure = (node: string, code: ErrorCode): Followed<Item> => ({
  kind: 'failure',
  failure: { node, peerId: node, code, message: 'why' },
})

async function* from(items: readonly Followed<Item>[]): AsyncGenerator<Followed<Item>> {
  yield* items
  await Promise.resolve()
}

async function run(items: readonly Followed<Item>[], follow: boolean) {
  const { signal } = new AbortController()
  const warnings: string[] = []
  const result = await showFollowed(from(items), {
    follow,
    signal,
    show: () => undefined,
    warn: (text) => warnings.push(text),
  })
  return { ...result, warnings }
}

describe('while following', () => {
  test('a node that is away is warned of once, and again after it was back', async () => {
    const away = failure('a', 'NODE_UNREACHABLE')
    const { warnings, failures } = await run([away, away, item('b'), away, item('a'), away], true)
    expect(warnings).toEqual(['a is away: why', 'a is away: why'])
    expect(failures).toEqual([])
  })

  test('a refusal is left to judge', async () => {
    const { failures } = await run([failure('a', 'AUTH_ROLE')], true)
    expect(failures).toMatchObject([{ code: 'AUTH_ROLE' }])
  })

  test('a node that answered and refused later does not count as one that answers', async () => {
    const stored: Followed<Item> = { kind: 'stored', answered: 2 }
    const [gone, late] = [failure('a', 'AUTH_ROLE'), failure('b', 'AUTH_ROLE')]
    expect(await run([gone, stored], true)).toMatchObject({ answered: 2 })
    expect(await run([gone, stored, late, late], true)).toMatchObject({ answered: 1 })
  })

  test('an abort is the end, not an error', async () => {
    const controller = new AbortController()
    controller.abort()
    const source = (async function* () {
      yield item('a')
      await Promise.resolve()
      throw new Error('aborted')
    })()
    const shown: Item[] = []
    const show = (one: Item): void => void shown.push(one)
    const options = { signal: controller.signal, show, warn: () => undefined }
    await expect(showFollowed(source, { ...options, follow: true })).resolves.toEqual({
      failures: [],
      answered: 0,
    })
    expect(shown).toHaveLength(1)
  })
})

test('without following, every failure counts and an error is one', async () => {
  const { failures, warnings } = await run([failure('a', 'NODE_UNREACHABLE'), item('b')], false)
  expect(failures).toHaveLength(1)
  expect(warnings).toEqual([])
})

test('lines that were dropped are warned of', async () => {
  const dropped = (source: string, lines: number): Followed<Item> => ({
    kind: 'dropped',
    dropped: { node: 'a', source, lines },
  })
  const items = [dropped('web@1.0.0', 4711), dropped('daemon', 1), dropped('event', 2)]
  for (const follow of [true, false]) {
    expect(await run([...items, item('a')], follow)).toMatchObject({
      failures: [],
      warnings: [
        'a: 4711 lines were dropped from web@1.0.0 (cap of size or age)',
        "a: 1 line was dropped from the daemon's log (cap of size or age)",
        'a: 2 lines were dropped from the events (cap of size or age)',
      ],
    })
  }
})
