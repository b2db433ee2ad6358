import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { DeployProgress, DeployRequest } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core'
import { Host } from '@p2p-playground/p2p'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { all } from './testing/drain.js'
import { fastClock } from './testing/fast-clock.js'
import type { FakeNode } from './testing/fake-node.js'
import { World } from './testing/world.js'

/** Three nodes, as if all were reached at one address of another machine. */
let world: World
let nodes: FakeNode[]
let large: string
let small: string
/** Which node was asked, and where it was told that the package lies. */
let asked: string[]
let ips: Record<string, string[]>

beforeAll(async () => {
  world = await World.make()
  nodes = await Promise.all(['one', 'two', 'three'].map((name) => world.node({ name })))
  large = await world.packageFile('large', '1.0.0', true, randomBytes(17_000_000))
  small = await world.packageFile('small')
})

afterAll(async () => {
  await world.dispose()
})

beforeEach(() => {
  asked = []
  ips = Object.fromEntries(nodes.map(({ peerId }) => [peerId, ['192.0.2.7']]))
  vi.spyOn(Host.prototype, 'isOnThisMachine').mockReturnValue(false)
  vi.spyOn(Host.prototype, 'ipsOf').mockImplementation((peerId) => ips[peerId] ?? [])
  for (const node of nodes) behave(node, stored)
})

afterEach(() => {
  vi.restoreAllMocks()
})

type Said = AsyncGenerator<{ phase: string; storedPath?: string }>

function behave(node: FakeNode | undefined, answer: (name: string) => Said): void {
  if (node === undefined) throw new Error('there is no such node')
  const { name } = node.state.info
  node.state.deploy = async function* ({ localPath }) {
    asked.push(`${name} ${localPath}`)
    yield* answer(name)
  }
}

async function* stored(name: string): Said {
  yield { phase: 'transfer' }
  await Promise.resolve()
  yield { phase: 'start', storedPath: `/kept/${name}` }
  yield { phase: 'done', storedPath: `/kept/${name}` }
}

async function deployed(
  patch: Partial<DeployRequest> = {},
  times = 100,
): Promise<DeployProgress[]> {
  const addresses = nodes.map(({ address }) => address)
  const control = await world.control(addresses, { clock: fastClock(times) })
  const request = {
    packagePath: large,
    target: {},
    wait: true,
    timeoutMs: 100_000,
    allowDowngrade: false,
    localCopy: true,
    ...patch,
  }
  return all(control.deploy(request, AbortSignal.timeout(15_000)))
}

function endsOf(seen: readonly DeployProgress[]): Record<string, string> {
  return Object.fromEntries(
    seen
      .filter(({ phase }) => phase === 'done' || phase === 'failed')
      .map(({ node, failure }) => [node, failure?.code ?? 'done']),
  )
}

const ALL_DONE = { one: 'done', two: 'done', three: 'done' }

it('is sent a large package once: the others wait for it, and are told where the first keeps it', async () => {
  const seen = await deployed()
  const [first = '', ...others] = asked
  const [leader = ''] = first.split(' ')
  expect(first).toBe(`${leader} `)
  expect(others.map((one) => one.split(' ')[1])).toEqual([`/kept/${leader}`, `/kept/${leader}`])
  const phases = (node: string): string[] =>
    seen.flatMap((one) => (one.node === node ? one.phase : []))
  expect(phases(leader)).toEqual(['offer', 'transfer', 'start', 'done'])
  for (const other of others.map((one) => one.split(' ')[0] ?? ''))
    expect(phases(other)).toEqual(['wait', 'transfer', 'start', 'done'])
  expect(endsOf(seen)).toEqual(ALL_DONE)
})

it.each([
  ['a small package', () => ({ packagePath: small })],
  ['one that is not to be copied', () => ({ localCopy: false })],
])('%s is sent to each', async (_what, patch) => {
  expect(endsOf(await deployed(patch()))).toEqual(ALL_DONE)
  expect(asked.toSorted()).toEqual(['one ', 'three ', 'two '])
})

it.each([
  ['at addresses of their own', (index: number) => [`192.0.2.${String(index)}`]],
  ['over relays', () => []],
])('nodes %s are sent it each', async (_how, ipsOf) => {
  ips = Object.fromEntries(nodes.map(({ peerId }, index) => [peerId, ipsOf(index)]))
  expect(endsOf(await deployed())).toEqual(ALL_DONE)
  expect(asked.toSorted()).toEqual(['one ', 'three ', 'two '])
})

it('the next is sent it when one refuses it', async () => {
  for (const node of nodes) {
    behave(node, async function* (name) {
      if (asked.length > 1) yield* stored(name)
      else throw new PlaygroundError('TRANSFER_DISK', 'no space left')
    })
  }
  // By a clock that is slow: at once, not because nothing is heard of it.
  const seen = await deployed({}, 0.01)
  expect(Object.values(endsOf(seen)).toSorted()).toEqual(['TRANSFER_DISK', 'done', 'done'])
  const [, second = ''] = asked
  const [leader = ''] = second.split(' ')
  expect(second).toBe(`${leader} `)
  expect(asked[2]).toMatch(new RegExp(` /kept/${leader}$`))
})

it('the next is sent it when one falls silent, long before the time is up', async () => {
  for (const node of nodes) {
    behave(node, async function* (name) {
      if (asked.length > 1) yield* stored(name)
      else await new Promise(() => undefined)
    })
  }
  const seen = await deployed()
  expect(Object.values(endsOf(seen)).toSorted()).toEqual(['APP_WAIT_TIMEOUT', 'done', 'done'])
  expect(asked[1]).toMatch(/ $/)
  expect(asked[2]).toMatch(/ \/kept\//)
})

it('one that says that it goes on is waited for, and who still waits when the time is up is told why', async () => {
  for (const node of nodes) {
    behave(node, async function* () {
      for (;;) {
        yield { phase: 'transfer' }
        await delay(20)
      }
    })
  }
  const seen = await deployed({ timeoutMs: 30_000 }, 20)
  expect(asked).toHaveLength(1)
  expect(new Set(Object.values(endsOf(seen)))).toEqual(new Set(['APP_WAIT_TIMEOUT']))
  const messages = seen.flatMap(({ failure }) => failure?.message ?? [])
  expect(messages.filter((one) => one.includes('no node of its machine had it'))).toHaveLength(2)
})

it('nodes wait for none that does not answer', async () => {
  const [gone] = nodes
  await gone?.down()
  try {
    const seen = await deployed()
    expect(Object.values(endsOf(seen)).toSorted()).toEqual(['NODE_UNREACHABLE', 'done', 'done'])
    expect(asked).toHaveLength(2)
  } finally {
    await gone?.up()
  }
})
