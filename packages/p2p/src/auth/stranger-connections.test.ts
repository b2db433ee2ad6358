import { randomBytes } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import { createClient } from '@connectrpc/connect'
import { node } from '@p2p-playground/proto'
import { FakeClock, RecordingLogger, waitFor } from '@p2p-playground/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import type { Host } from '../host.js'
import { Loopback, addressOf, keyPair } from '../testing/loopback.js'
import { StrangerConnections } from './stranger-connections.js'

describe('StrangerConnections', () => {
  const connection = (streams = 0): Connection =>
    ({ streams: Array.from({ length: streams }, () => ({})) }) as unknown as Connection

  /** Each is under way (`new`), or has passed the handshake with so many streams open. */
  function holding(...all: readonly ('new' | number)[]): [StrangerConnections, Connection[]] {
    const held = new StrangerConnections({ idle: 2, all: 5 })
    const connections = all.map((one) => {
      const added = connection(one === 'new' ? 1 : one)
      held.add(added)
      if (one !== 'new') held.passed(added)
      return added
    })
    return [held, connections]
  }

  it.each<[string, readonly ('new' | number)[], number | undefined]>([
    ['none while few are idle', [0, 0, 1, 'new', 'new'], undefined],
    ['the oldest idle one when too many are', [1, 0, 'new', 0, 0], 1],
    ['the oldest of all when there are too many', ['new', 1, 1, 1, 1, 1], 0],
    ['an idle one rather than the oldest of all', [1, 1, 1, 0, 0, 0], 3],
  ])('gives up %s', (_, all, index) => {
    const [held, connections] = holding(...all)
    expect(held.surplus()).toBe(index === undefined ? undefined : connections[index])
  })

  it('counts no more what is closed or has a role', () => {
    const [held, [first]] = holding(0, 0, 0)
    if (first !== undefined) held.remove(first)
    expect(held.surplus()).toBeUndefined()
  })
})

describe('a host that strangers are connected with', () => {
  const loopback = new Loopback()
  afterEach(() => loopback.close())

  const psk = randomBytes(32)
  const lead = keyPair('ed25519')
  const signal = (): AbortSignal => AbortSignal.timeout(8000)
  const logger = new RecordingLogger()
  const clock = new FakeClock()

  async function serving(): Promise<Host> {
    const strangers = { idle: 3, all: 100 }
    const trustedKeys = [lead.trusted]
    const host = await loopback.host({ psk: [psk], trustedKeys, strangers, logger, clock })
    host.handleCalls((router) => router.service(node.NodeService, { addPeer: () => ({}) }))
    return host
  }

  async function dialing(host: Host, roleKeys = [lead.signing].slice(1)): Promise<Host> {
    const dialer = await loopback.host({ psk: [psk], listen: [], roleKeys })
    await dialer.dial(addressOf(host), signal())
    return dialer
  }

  const isConnected = (host: Host): boolean => host.peers().some(({ connected }) => connected)

  it('lets each in, closes the oldest that are idle, says so once and then their number, and serves these when they come again', async () => {
    const host = await serving()
    const chief = await dialing(host, [lead.signing])
    const first = await dialing(host)
    let last = first
    let next = first
    await waitFor('the first two to be closed', async () => {
      last = await dialing(host)
      if (next === first) next = last
      return !isConnected(first) && !isConnected(next)
    })
    expect([chief, last].map(isConnected)).toEqual([true, true])
    const said = (): unknown[] => logger.lines.filter(({ event }) => event === 'strangers-closed')
    const line = { level: 'warn', event: 'strangers-closed', fields: { closed: 1 } }
    expect(said()).toEqual([line])
    const client = createClient(node.NodeService, first.transport(host.peerId))
    expect(await client.addPeer({})).toMatchObject({})
    await host.stop()
    const more = expect.any(Number) as number
    expect(said()).toEqual([line, { ...line, fields: { closed: 1, more } }])
  })
})
