import { keyPair } from '@p2p-playground/p2p/testing'
import { FakeClock } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ServedNode } from './authority.test.support.js'
import { codeOf } from './node-service.test.support.js'
import type { NodeClient } from './node-service.test.support.js'

const END_MS = 1_700_000_060_000
const KINDS = ['app', 'daemon', 'event']

const guest = keyPair('ed25519', { name: 'guest', notAfterMs: END_MS })
const webObserver = keyPair('ed25519', {
  name: 'web-observer',
  roles: ['observe'],
  apps: ['web-*'],
})

let clock: FakeClock
let served: ServedNode

beforeEach(async () => {
  clock = new FakeClock(END_MS)
  served = new ServedNode(clock)
  await served.start([guest, webObserver])
  for (const app of ['web-shop', 'calm']) await served.addApp(app)
})

afterEach(async () => {
  await served.remove()
})

type Call = (client: NodeClient) => Promise<unknown>

const CALLS: [string, Call][] = [
  ['the node', (client) => client.getInfo({})],
  ['apps', (client) => client.listApps({})],
  ['an app', (client) => client.listVersions({ app: 'calm' })],
  ['logs', (client) => readAll(client.streamLogs({}))],
  ['events', (client) => readAll(client.streamEvents({}))],
  ['heartbeats', (client) => first(client.streamHeartbeats({}))],
  [
    'stop',
    (client) => client.changeApp({ command: served.command(), app: 'calm', action: 'stop' }),
  ],
]

describe('a key that ends while its connection stays open', () => {
  it.each(CALLS)('gives nothing from then on: %s', async (_, call) => {
    const client = await served.asking(guest)
    expect(await codeOf(call(client))).toBe('none')
    clock.setWall(END_MS + 1)
    expect(await codeOf(call(client))).toBe('AUTH_ROLE')
  })

  it('leaves what other keys of the same caller give', async () => {
    const client = await served.asking(guest, webObserver)
    expect(await appsOf(client)).toEqual(['web-shop', 'calm'])
    clock.setWall(END_MS + 1)
    expect(await appsOf(client)).toEqual(['web-shop'])
    expect(await codeOf(client.listVersions({ app: 'calm' }))).toBe('AUTH_ROLE')
  })

  it('is no role of the peer any more', async () => {
    const client = await served.asking(guest)
    await client.getInfo({})
    const roles = (): unknown => served.host.peers().map((peer) => peer.roles)
    expect(roles()).toEqual([['operate', 'observe']])
    clock.setWall(END_MS + 1)
    expect(roles()).toEqual([[]])
  })
})

describe('who follows with a key that ends', () => {
  it.each<[string, (client: NodeClient) => AsyncIterable<unknown>]>([
    ['logs', (client) => client.streamLogs({ kinds: KINDS, follow: true })],
    ['logs of an app', (client) => client.streamLogs({ app: 'calm', follow: true })],
    ['events', (client) => client.streamEvents({ follow: true })],
    ['heartbeats', (client) => client.streamHeartbeats({})],
  ])('is sent away, though nothing happens: %s', async (_, follow) => {
    served.happen('calm', 'begins')
    const client = await served.asking(guest)
    const messages = follow(client)[Symbol.asyncIterator]()
    await messages.next()
    const rest = codeOf(drain(messages))
    clock.setWall(END_MS + 1)
    await clock.advance(1000)
    expect(await rest).toBe('AUTH_ROLE')
  })

  it('is refused once, as an event, where an app is named', async () => {
    const client = await served.asking(guest)
    const messages = client.streamLogs({ app: 'calm', follow: true })[Symbol.asyncIterator]()
    await messages.next()
    served.takeEvents()
    const rest = codeOf(drain(messages))
    clock.setWall(END_MS + 1)
    await clock.advance(5000)
    expect(await rest).toBe('AUTH_ROLE')
    const refused = { type: 'refused', app: 'calm', code: 'AUTH_ROLE' }
    expect(served.takeEvents()).toEqual([expect.objectContaining(refused)])
  })

  it('is told nothing more, whatever happens before that is noticed', async () => {
    served.happen('calm', 'begins')
    const client = await served.asking(guest)
    const seen: string[] = []
    const reading = (async () => {
      for await (const { events } of client.streamEvents({ follow: true })) {
        seen.push(...events.map(({ message }) => message))
        if (seen.length > 1) continue
        clock.setWall(END_MS + 1)
        served.happen('calm', 'a secret')
        await clock.advance(1000)
      }
    })()
    expect(await codeOf(reading)).toBe('AUTH_ROLE')
    expect(seen).toEqual(['begins'])
  })

  it('goes on with what another of its keys gives', async () => {
    const client = await served.asking(guest, webObserver)
    const seen: string[] = []
    for await (const { entries } of client.streamLogs({
      kinds: ['event'],
      follow: true,
      tail: 0,
    })) {
      seen.push(...entries.map(({ line }) => line))
      if (seen.length > 0) break
      clock.setWall(END_MS + 1)
      await clock.advance(1000)
      for (const app of ['calm', 'web-shop']) served.happen(app, `${app} goes on`)
    }
    expect(seen).toEqual(['started web-shop goes on'])
  })
})

async function appsOf(client: NodeClient): Promise<string[]> {
  const { instances } = await client.listApps({})
  return instances.map(({ app }) => app)
}

async function first(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _message of messages) return
}

async function readAll(messages: AsyncIterable<unknown>): Promise<void> {
  await drain(messages[Symbol.asyncIterator]())
}

async function drain(messages: AsyncIterator<unknown>): Promise<void> {
  while ((await messages.next()).done !== true);
}
