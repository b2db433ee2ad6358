import { FakeClock } from '@p2p-playground/testkit'
import { beforeEach, expect, it } from 'vitest'
import { NftTraffic, parseTraffic } from './nft-traffic.js'
import type { Nft } from './nft-traffic.js'

const TOP = '/sys/fs/cgroup/nowhere'
const RUN = `${TOP}/p2p-playground/node/run`

let asked: string[]
let clock: FakeClock
/** The elements of each set; undefined: there is no table. */
let sets: Readonly<Record<'received' | 'sent', object[]>> | undefined

const nft: Nft = async (args) => {
  asked.push(args.join(' '))
  if (args[1] !== 'list') return Promise.resolve('')
  if (sets === undefined) return Promise.reject(new Error('No such file or directory'))
  const listed = Object.entries(sets).map(([name, elem]) => ({ set: { name, elem } }))
  return Promise.resolve(JSON.stringify({ nftables: [{ metainfo: {} }, ...listed] }))
}

const element = (dir: string, bytes: number): object => ({
  elem: { val: dir.slice('/sys/fs/cgroup/'.length), counter: { packets: 1, bytes } },
})

const make = (patch: { readonly top?: string; readonly nft?: Nft } = {}): NftTraffic =>
  new NftTraffic({ top: TOP, node: 'abc', clock, nft, ...patch })

beforeEach(() => {
  asked = []
  clock = new FakeClock()
  sets = { received: [element(RUN, 3000)], sent: [element(RUN, 40)] }
})

it.each([
  ['cgroup v2 is not mounted', () => new NftTraffic({ top: undefined, node: 'abc', clock, nft })],
  [
    'cgroup v2 is not mounted below /sys/fs/cgroup',
    () => make({ top: '/run/systemd/elsewhere/unified' }),
  ],
  [
    'nft: Operation not permitted',
    () => make({ nft: () => Promise.reject(new Error('nft: Operation not permitted')) }),
  ],
])('counts nothing and says why: %s', async (why, traffic) => {
  const one = traffic()
  expect(await one.support()).toEqual({ enforced: false, why })
  expect(await one.add(RUN)).toBe(false)
  expect(await one.read(RUN)).toBeUndefined()
  await one.remove(RUN)
  await one.sweep()
  expect(asked).toEqual([])
})

it('adds the cgroup to both sets, at the level where it lies', async () => {
  expect(await make().add(RUN)).toBe(true)
  const script = asked.at(-1) ?? ''
  expect(script).toContain(
    'add rule inet p2p_playground_abc input socket cgroupv2 level 3 @received',
  )
  expect(script).toContain('add rule inet p2p_playground_abc output socket cgroupv2 level 3 @sent')
  for (const set of ['received', 'sent']) {
    expect(script).toContain(
      `add element inet p2p_playground_abc ${set} { "nowhere/p2p-playground/node/run" }`,
    )
  }
})

it('looks once for all that ask within a second', async () => {
  const traffic = make()
  const counted = { networkReceivedBytes: 3000, networkSentBytes: 40 }
  expect(await traffic.read(RUN)).toEqual(counted)
  const before = asked.length
  sets = { received: [element(RUN, 5000)], sent: [element(RUN, 40)] }
  expect(await traffic.read(RUN)).toEqual(counted)
  expect(asked).toHaveLength(before)
  await clock.advance(1000)
  expect(await traffic.read(RUN)).toMatchObject({ networkReceivedBytes: 5000 })
})

it('knows nothing once somebody has flushed all rules, and begins to count again', async () => {
  sets = undefined
  expect(await make().read(RUN)).toBeUndefined()
  expect(asked.at(-1)).toContain('add element inet p2p_playground_abc sent')
})

it('takes the table away with the last cgroup', async () => {
  await make().sweep()
  expect(asked.some((script) => script.startsWith('delete'))).toBe(false)
  sets = { received: [element('/sys/fs/cgroup/4711', 1)], sent: [] }
  await make().sweep()
  expect(asked.at(-1)).toBe('delete table inet p2p_playground_abc')
})

it('reads a set without elements', () => {
  expect(parseTraffic('{"nftables": [{"metainfo": {}}, {"set": {"name": "received"}}]}').size).toBe(
    0,
  )
})
