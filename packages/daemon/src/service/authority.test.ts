import { keyPair } from '@p2p-playground/p2p/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ServedNode } from './authority.test.support.js'
import { codeOf } from './node-service.test.support.js'
import type { NodeClient } from './node-service.test.support.js'

const webOperator = keyPair('ed25519', {
  name: 'web-operator',
  roles: ['operate'],
  apps: ['web-*'],
})
const operator = keyPair('ed25519', { name: 'operator', roles: ['operate'], apps: ['*'] })
const webObserver = keyPair('ed25519', {
  name: 'web-observer',
  roles: ['observe'],
  apps: ['web-*'],
})
const observer = keyPair('ed25519', { name: 'observer', roles: ['observe'], apps: ['*'] })

const KINDS = ['app', 'daemon', 'event']

let served: ServedNode

beforeAll(async () => {
  served = new ServedNode()
  await served.start([webOperator, operator, webObserver, observer])
  for (const app of ['web-shop', 'calm']) {
    await served.addApp(app)
    served.say(app, `${app} begins`)
  }
  served.say(null, 'ready')
  served.happen('web-shop', 'web-shop goes on')
  served.happen('calm', 'calm goes on')
})

afterAll(async () => {
  await served.remove()
})

type Call = (client: NodeClient) => Promise<unknown>

const stop = (app: string): Call => {
  return (client) => client.changeApp({ command: served.command(), app, action: 'stop' })
}

const deploy = (app: string): Call => {
  return (client) => readAll(client.deploy({ command: served.command(), offer: { app } }))
}

const addPeer: Call = (client) =>
  client.addPeer({ command: served.command(), address: '/ip4/127.0.0.1/tcp/1' })

describe('several keys on one connection', () => {
  let client: NodeClient
  beforeAll(async () => {
    client = await served.asking(webOperator, observer)
  })

  it('give each its own roles for its own apps', async () => {
    expect(appsOf(await client.listApps({}))).toEqual(['web-shop', 'calm'])
    expect(await codeOf(stop('web-shop')(client))).toBe('none')
  })

  it.each<[string, Call]>([
    ['stop', stop('calm')],
    ['deploy', deploy('calm')],
    ['add a peer', addPeer],
  ])('give none the apps of another: %s', async (_, call) => {
    expect(await codeOf(call(client))).toBe('AUTH_ROLE')
  })
})

describe('who may operate some apps', () => {
  let client: NodeClient
  beforeEach(async () => {
    client = await served.asking(webOperator)
  })

  it.each<[string, string | null, Call]>([
    ['stop', 'calm', stop('calm')],
    ['stop what is not there', 'none', stop('none')],
    ['deploy', 'calm', deploy('calm')],
    ['add a peer to the node', null, addPeer],
  ])('is refused the rest, and that is an event: %s', async (_, app, call) => {
    served.takeEvents()
    expect(await codeOf(call(client))).toBe('AUTH_ROLE')
    const refused = { type: 'refused', app, code: 'AUTH_ROLE' }
    expect(served.takeEvents()).toEqual([expect.objectContaining(refused)])
  })
})

describe('who may observe some apps', () => {
  let client: NodeClient
  beforeAll(async () => {
    client = await served.asking(webObserver)
  })

  it('sees the node, which deployments are aimed by', async () => {
    expect((await client.getInfo({})).node).toMatchObject({ name: 'n' })
    expect((await client.listPeers({})).peers.length).toBeGreaterThan(0)
  })

  it('is shown those in lists', async () => {
    expect(appsOf(await client.listApps({}))).toEqual(['web-shop'])
    for (const app of ['', 'web-shop']) {
      const { versions } = await client.listVersions({ app })
      expect(versions.map((one) => one.app)).toEqual(['web-shop'])
    }
    const beats: string[][] = []
    for await (const { instances } of client.streamHeartbeats({})) {
      beats.push(appsOf({ instances }))
      break
    }
    expect(beats).toEqual([['web-shop']])
  })

  it('is shown the lines about those', async () => {
    const answers = await readAll(client.streamLogs({ kinds: KINDS }))
    const lines = answers.flatMap(({ entries }) => entries.map(({ line }) => line))
    expect(lines.sort()).toEqual([
      'INFO  web-shop begins app=web-shop',
      'line of web-shop',
      'started web-shop begins',
      'started web-shop goes on',
    ])
    const sources = answers.flatMap(({ position }) => Object.keys(position))
    expect(sources.sort()).toEqual(['daemon', 'event', 'web-shop@1.0.0'])
  })

  it.each([
    ['all', {}, ['web-shop begins', 'web-shop goes on']],
    ['the newest', { tail: 1 }, ['web-shop goes on']],
    ['none', { tail: 0 }, []],
  ])('is shown the events of those: %s', async (_, request, expected) => {
    const answers = await readAll(client.streamEvents(request))
    expect(answers.flatMap(({ events }) => events.map(({ message }) => message))).toEqual(expected)
  })

  it('follows the lines about those', async () => {
    const seen: string[] = []
    let hasBegun = false
    for await (const { entries } of client.streamLogs({ kinds: KINDS, tail: 0, follow: true })) {
      if (!hasBegun) for (const app of ['calm', null, 'web-shop']) served.say(app, 'more')
      hasBegun = true
      seen.push(...entries.map(({ line }) => line))
      if (seen.length >= 2) break
    }
    expect(seen).toEqual(['INFO  more app=web-shop', 'started more'])
  })

  it('follows the events of those', async () => {
    const seen: string[] = []
    for await (const { events } of client.streamEvents({ tail: 1, follow: true })) {
      seen.push(...events.map(({ app, message }) => `${String(app)}: ${message}`))
      if (seen.length > 1) break
      for (const app of ['calm', null, 'web-shop']) served.happen(app, 'at last')
    }
    expect(seen).toEqual([expect.stringMatching(/^web-shop: /), 'web-shop: at last'])
  })

  it.each<[string, Call]>([
    ['describe', (one) => one.describeApp({ app: 'calm' })],
    ['versions', (one) => one.listVersions({ app: 'calm' })],
    ['logs', (one) => readAll(one.streamLogs({ app: 'calm' }))],
    ['what the daemon says', (one) => readAll(one.streamLogs({ app: 'calm', kinds: ['daemon'] }))],
  ])('is refused another by name, and that is an event: %s', async (_, call) => {
    const one = await served.asking(webObserver)
    served.takeEvents()
    expect(await codeOf(call(one))).toBe('AUTH_ROLE')
    const refused = { type: 'refused', app: 'calm', code: 'AUTH_ROLE' }
    expect(served.takeEvents()).toEqual([expect.objectContaining(refused)])
  })
})

it('who may observe all apps is shown everything', async () => {
  const client = await served.asking(observer)
  const answers = await readAll(client.streamLogs({ kinds: KINDS }))
  expect(answers.flatMap(({ entries }) => entries.map(({ line }) => line))).toEqual(
    expect.arrayContaining(['INFO  ready', 'line of calm', 'started calm begins', 'started ready']),
  )
  const events = (await readAll(client.streamEvents({}))).flatMap((answer) => answer.events)
  expect(events.map(({ message }) => message)).toContain('ready')
})

it.each<[string, Call]>([
  ['the node', (client) => client.getInfo({})],
  ['apps', (client) => client.listApps({})],
  ['an app', (client) => client.describeApp({ app: 'calm' })],
  ['logs', (client) => readAll(client.streamLogs({}))],
  ['events', (client) => readAll(client.streamEvents({}))],
])('who may not observe is shown nothing: %s', async (_, call) => {
  expect(await codeOf(call(await served.asking(operator)))).toBe('AUTH_ROLE')
})

it('who asks again and again for what it may not have is written down once, however much of it there is', async () => {
  const client = await served.asking()
  served.takeEvents()
  for (let asked = 0; asked < 50; asked += 1)
    expect(await codeOf(stop('calm')(client))).toBe('AUTH_ROLE')
  expect(served.takeEvents()).toHaveLength(1)
})

it('a name of any length that is refused takes no room among the events', async () => {
  served.takeEvents()
  const app = 'x'.repeat(1_000_000)
  for (const keys of [[], [webObserver], [webOperator]]) {
    const client = await served.asking(...keys)
    expect(await codeOf(client.describeApp({ app }))).toBe('AUTH_ROLE')
    expect(await codeOf(stop(app)(client))).toBe('AUTH_ROLE')
  }
  const events = served.takeEvents()
  expect(events.map(({ app: about, code }) => [about, code])).toEqual(
    Array.from({ length: 6 }, () => [null, 'AUTH_ROLE']),
  )
  expect(Math.max(...events.map(({ message }) => message.length))).toBeLessThan(2000)
})

it('a peer is added by an address only: its PeerID alone would be of no use to the next daemon', async () => {
  const client = await served.asking(operator)
  const [peer] = served.host.peers()
  const adding = client.addPeer({ command: served.command(), address: peer?.peerId ?? '' })
  expect(await codeOf(adding)).toBe('NODE_ADDRESS')
  expect(served.addedPeers()).toEqual([])
})

it('whoever asks for all events gets them, however much they say', async () => {
  served.happen(null, 'x'.repeat(2000), 9000)
  const client = await served.asking(observer)
  const answers = await readAll(client.streamEvents({}))
  const seqs = answers.flatMap(({ events }) => events.map(({ seq }) => Number(seq)))
  expect(seqs.length).toBeGreaterThanOrEqual(9000)
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
  expect(Math.max(...answers.map(({ events }) => events.length))).toBeLessThanOrEqual(500)
}, 20_000)

function appsOf({ instances }: { readonly instances: readonly { app: string }[] }): string[] {
  return instances.map(({ app }) => app)
}

async function readAll<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = []
  for await (const message of messages) all.push(message)
  return all
}
