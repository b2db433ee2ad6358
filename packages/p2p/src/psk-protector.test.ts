import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Libp2p } from '@libp2p/interface'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { formatSwarmKey } from '@p2p-playground/core/config'
import { createLibp2p } from 'libp2p'
import type { Libp2pOptions } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { ByteStream } from './byte-stream.js'
import { boundedYamux } from './libp2p-node.js'
import { pskProtector } from './psk-protector.js'
import { PskRing } from './psk-ring.js'

const PROTOCOL = '/echo/1.0.0'
/** @libp2p/pnet's cipher breaks when writes pile up: what it sends here stays below that. */
const PNET_BYTES = 64 * 1024

type Protector = Required<Libp2pOptions>['connectionProtector']

const nodes: Libp2p[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop()
})

const ours = (...psks: Uint8Array[]): Protector => pskProtector(new PskRing(psks))
const theirs = (psk: Uint8Array): Protector =>
  preSharedKey({ psk: Buffer.from(formatSwarmKey(psk)) })

/** A node that sends back what it is sent. */
async function node(connectionProtector: Protector): Promise<Libp2p> {
  const made = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionProtector,
    connectionEncrypters: [tls()],
    streamMuxers: [boundedYamux()],
  })
  nodes.push(made)
  await made.handle(PROTOCOL, async (stream) => {
    const bytes = new ByteStream(stream)
    for await (const chunk of bytes.rest()) await bytes.write(chunk)
    await bytes.end()
  })
  return made
}

async function echo(from: Libp2p, to: Libp2p, sent: Buffer): Promise<Buffer> {
  const stream = await from.dialProtocol(to.getMultiaddrs(), PROTOCOL, {
    signal: AbortSignal.timeout(5000),
  })
  const bytes = new ByteStream(stream)
  const parts: Uint8Array[] = []
  const writing = bytes.write(sent).then(() => bytes.end())
  for await (const part of bytes.rest()) parts.push(part)
  await writing
  return Buffer.concat(parts)
}

const psk = randomBytes(32)

describe('the same bytes as @libp2p/pnet', () => {
  it.each([
    ['we dial', ours(psk), theirs(psk)],
    ['it dials', theirs(psk), ours(psk)],
  ])('when %s', async (_, dialing, listening) => {
    const sent = randomBytes(PNET_BYTES)
    const received = await echo(await node(dialing), await node(listening), sent)
    expect(received.equals(sent)).toBe(true)
  })

  it('and another PSK gets no connection', async () => {
    const listener = await node(ours(psk))
    const dialer = await node(theirs(randomBytes(32)))
    await expect(echo(dialer, listener, randomBytes(10))).rejects.toThrow()
    expect(listener.getConnections()).toEqual([])
  })
})

describe('among ourselves', () => {
  it('carries megabytes at once, whatever their chunks, and leaves what was sent as it was', async () => {
    const sent = randomBytes(8 * 1024 * 1024)
    const before = Buffer.from(sent)
    const received = await echo(await node(ours(psk)), await node(ours(psk)), sent)
    expect(received.equals(before)).toBe(true)
    expect(sent.equals(before)).toBe(true)
  })

  it('takes a dialer that still has the old PSK while it is rotated', async () => {
    const [old, fresh] = [psk, randomBytes(32)]
    const received = await echo(
      await node(ours(old)),
      await node(ours(fresh, old)),
      Buffer.from('hello'),
    )
    expect(received.toString()).toBe('hello')
  })

  it('cuts off whoever speaks without a PSK, at once', async () => {
    const listener = await node(ours(psk))
    const [address] = listener.getMultiaddrs()
    const port = Number(/\/tcp\/(\d+)/.exec(String(address))?.[1])
    const socket = connect(port, '127.0.0.1')
    const closed = Promise.withResolvers<undefined>()
    // A reset is an end as well.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed.resolve(undefined)
    })
    socket.resume()
    socket.write('\x13/multistream/1.0.0\n\x07/tls/1.0.0\n')
    await closed.promise
    expect(listener.getConnections()).toEqual([])
  })
})
