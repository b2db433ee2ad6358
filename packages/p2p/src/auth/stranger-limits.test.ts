import { randomBytes } from 'node:crypto'
import { createClient } from '@connectrpc/connect'
import { create, toBinary } from '@bufbuild/protobuf'
import { TypedEventEmitter } from '@libp2p/interface'
import type { Connection, Stream, StreamMuxer } from '@libp2p/interface'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '@p2p-playground/core'
import { node, wire } from '@p2p-playground/proto'
import { waitFor } from '@p2p-playground/testkit'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { CALL_PROTOCOL } from '../calls/protocol.js'
import type { Host } from '../host.js'
import { boundedYamux } from '../libp2p-node.js'
import { pskProtector } from '../psk-protector.js'
import { PskRing } from '../psk-ring.js'
import { QuietStream } from '../quiet-stream.test.support.js'
import { Loopback, addressOf, keyPair } from '../testing/loopback.js'
import { tlsEncrypter } from '../tls/tls-encrypter.js'
import { AUTH_PROTOCOL, shakeAsDialer } from './handshake.js'
import { StrangerLimits } from './stranger-limits.js'

const loopback = new Loopback()
afterEach(() => loopback.close())

const KiB = 1024
const MiB = 1024 * KiB
const psk = randomBytes(32)
const lead = keyPair('ed25519')
const TCP = '/ip4/127.0.0.1/tcp/0'
const QUIC = '/ip4/127.0.0.1/udp/0/quic-v1'

/** It answers `addPeer`, whoever asks. */
async function serving(listen: string): Promise<Host> {
  const host = await loopback.host({ psk: [psk], listen: [listen], trustedKeys: [lead.trusted] })
  host.handleCalls((router) => router.service(node.NodeService, { addPeer: () => ({}) }))
  return host
}

/** A libp2p node that has the PSK and none of our restraint. */
async function connectTo(host: Host, address: string, isMember: boolean): Promise<Connection> {
  const isQuic = address === QUIC
  const { quic } = await import('@chainsafe/libp2p-quic')
  const peer = await createLibp2p({
    addresses: { listen: [] },
    transports: [isQuic ? (quic() as unknown as ReturnType<typeof tcp>) : tcp()],
    ...(isQuic ? {} : { connectionProtector: pskProtector(new PskRing([psk])) }),
    connectionEncrypters: [tlsEncrypter()],
    streamMuxers: [boundedYamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify({ runOnConnectionOpen: false }), ping: ping() },
  })
  loopback.onClose(async () => {
    await peer.stop()
  })
  const connection = await peer.dial(multiaddr(addressOf(host)))
  if (!isMember) return connection
  const stream = await connection.newStream(AUTH_PROTOCOL)
  const nothing = { trustedKeys: [], revoked: new Set<string>(), roleKeys: [] }
  const self = peer.peerId.toString()
  await shakeAsDialer(connection, stream, { ...nothing, self, psks: [psk], clock: systemClock })
  return connection
}

/** The beginning of a call, whose body nobody waits for to end. */
function beginCall(stream: Stream): void {
  const path = '/p2pplayground.node.v1.NodeService/AddPeer'
  const headers = [{ name: 'content-type', value: 'application/proto' }]
  const header = toBinary(wire.CallRequestSchema, create(wire.CallRequestSchema, { path, headers }))
  stream.send(Buffer.concat([Buffer.from([header.length]), header]))
}

/** A reset that comes over QUIC is seen as the end of what the other side sends. */
const isOpen = ({ status, remoteWriteStatus }: Stream): boolean =>
  status === 'open' && remoteWriteStatus === 'writable'

describe.each([
  ['TCP', TCP, false],
  ['TCP', TCP, true],
  ['QUIC', QUIC, true],
])('a peer without a role, over %s', (_, address, isMember) => {
  const when = isMember ? 'after the handshake' : 'before the handshake'

  async function connect(): Promise<Connection> {
    return connectTo(await serving(address), address, isMember)
  }

  async function call(connection: Connection): Promise<Stream> {
    const stream = await connection.newStream(CALL_PROTOCOL, { maxOutboundStreams: 100 })
    beginCall(stream)
    return stream
  }

  it(`${when} is cut off when a request of it has no end`, async () => {
    const connection = await connect()
    const stream = await call(connection)
    for (let sent = 0; sent < 3 * MiB && isOpen(stream); sent += 64 * KiB)
      stream.send(Buffer.alloc(64 * KiB))
    await waitFor('the reset', () => !isOpen(stream))
    expect(connection.status).toBe('open')
  })

  it(`${when} is cut off when many requests are too much together`, async () => {
    const connection = await connect()
    const streams: Stream[] = []
    for (let count = 0; count < 10; count += 1) streams.push(await call(connection))
    for (const stream of streams) stream.send(Buffer.alloc(200 * KiB))
    await waitFor('the resets', () => streams.filter(isOpen).length <= 5)
    expect(connection.status).toBe('open')
  })

  it(`${when} has few streams at once`, async () => {
    const connection = await connect()
    const opened = await Promise.allSettled(
      Array.from({ length: 100 }, async () => call(connection)),
    )
    const streams = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    await waitFor('the resets', () => streams.filter(isOpen).length <= 64)
    expect(connection.status).toBe('open')
  })
})

it('a peer without a role is served for as long as it asks for a little at a time', async () => {
  const host = await serving(TCP)
  const dialer = await loopback.host({ psk: [psk], listen: [] })
  await dialer.dial(addressOf(host), AbortSignal.timeout(8000))
  const client = createClient(node.NodeService, dialer.transport(host.peerId))
  for (let asked = 0; asked < 20; asked += 1)
    expect(await client.addPeer({ address: 'x'.repeat(100 * KiB) })).toMatchObject({})
})

it('a peer with a role asks for as much as it likes, on as many streams', async () => {
  const host = await serving(TCP)
  const dialer = await loopback.host({ psk: [psk], listen: [], roleKeys: [lead.signing] })
  await dialer.dial(addressOf(host), AbortSignal.timeout(8000))
  const client = createClient(node.NodeService, dialer.transport(host.peerId))
  const calls = Array.from({ length: 100 }, async () =>
    client.addPeer({ address: 'x'.repeat(200 * KiB) }),
  )
  expect(await Promise.all(calls)).toHaveLength(100)
  expect(await client.addPeer({ address: 'x'.repeat(8 * MiB) })).toMatchObject({})
})

describe('all peers without a role together', () => {
  function opened(limits: StrangerLimits): QuietStream {
    const muxer = new TypedEventEmitter<{ stream: CustomEvent<Stream> }>()
    limits.watch({ muxer: muxer as unknown as StreamMuxer } as unknown as Connection)
    const stream = new QuietStream({ direction: 'inbound' })
    muxer.dispatchEvent(new CustomEvent('stream', { detail: stream }))
    return stream
  }

  it('bring no more than 64 MiB, and what is over makes room', () => {
    const limits = new StrangerLimits()
    const streams = Array.from({ length: 80 }, () => opened(limits))
    for (const stream of streams) stream.onData(Buffer.alloc(1000 * KiB))
    expect(streams.filter(isOpen)).toHaveLength(65)
    for (const stream of streams) stream.abort(new Error('the end'))
    const more = opened(limits)
    more.onData(Buffer.alloc(1000 * KiB))
    expect(isOpen(more)).toBe(true)
  })

  it('keep nothing of what was read with their bytes', () => {
    const stream = opened(new StrangerLimits())
    const seen: Uint8Array[] = []
    stream.addEventListener('message', ({ data }) => {
      seen.push(data.subarray())
    })
    stream.onData(Buffer.alloc(64 * KiB).subarray(0, 1))
    expect(seen.map(({ buffer }) => buffer.byteLength)).toEqual([1])
  })
})
