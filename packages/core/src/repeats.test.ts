import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { Repeats } from './repeats.js'
import { systemClock } from './system-clock.js'

/** Who sleeps, for how long. */
let sleepers: { readonly ms: number; readonly wake: () => void }[]
let told: string[]
let repeats: Repeats<string>

beforeEach(() => {
  sleepers = []
  told = []
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const sleeper = {
      ms,
      wake: () => {
        resolve(undefined)
      },
    }
    sleepers.push(sleeper)
    signal?.addEventListener('abort', () => {
      sleepers = sleepers.filter((one) => one !== sleeper)
      reject(signal.reason as Error)
    })
    await promise
  }
  const clock = { ...systemClock, sleep }
  repeats = new Repeats({
    clock,
    nameOf: (item) => item.slice(0, 3),
    onFirst: (item) => told.push(item),
    onMore: (repeated, others) => {
      told.push(...repeated.map(({ item, more }) => `${item} +${String(more)}`))
      if (others > 0) told.push(`others +${String(others)}`)
    },
  })
})

/** A minute passes. */
async function wake(): Promise<void> {
  const [sleeper, ...others] = sleepers.splice(0)
  expect([sleeper?.ms, others]).toEqual([60_000, []])
  sleeper?.wake()
  await nextTurn()
}

it('the first of a kind is told at once, the others when a minute is over, and then anew', async () => {
  for (const item of ['web 1', 'web 2', 'api 1', 'web 3']) repeats.add(item)
  expect(told.splice(0)).toEqual(['web 1', 'api 1'])
  await wake()
  expect(told.splice(0)).toEqual(['web 1 +2'])
  repeats.add('web 4')
  expect(told.splice(0)).toEqual(['web 4'])
  await wake()
  expect(told).toEqual([])
  expect(sleepers).toEqual([])
})

it('no more than 64 kinds are told apart', async () => {
  for (let kind = 100; kind < 200; kind += 1) repeats.add(String(kind))
  repeats.add('199')
  expect(told.splice(0)).toHaveLength(64)
  await wake()
  expect(told).toEqual(['others +37'])
})

it('the end tells what was counted, and nothing waits any more', () => {
  repeats.add('web')
  repeats.add('web')
  repeats.close()
  repeats.close()
  expect(told).toEqual(['web', 'web +1'])
  expect(sleepers).toEqual([])
})
