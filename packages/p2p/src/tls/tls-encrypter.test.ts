import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { multiaddr } from '@multiformats/multiaddr'
import { waitFor } from '@p2p-playground/testkit'
import { createLibp2p } from 'libp2p'
import type { Libp2pOptions } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { ByteStream } from '../byte-stream.js'
import { boundedYamux } from '../libp2p-node.js'
import { pskProtector } from '../psk-protector.js'
import { PskRing } from '../psk-ring.js'
import { tlsEncrypter } from './tls-encrypter.js'

const PROTOCOL = '/echo/1.0.0'
const MB = 1024 * 1024
const ours = tlsEncrypter
const theirs = tls
type Encrypter = NonNullable<Libp2pOptions['connectionEncrypters']>[number]

const nodes: Libp2p[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop()
})

/** A node that sends back what it is sent. */
async function node(encrypter: Encrypter, psk?: Uint8Array): Promise<Libp2p> {
  const made = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    ...(psk === undefined ? {} : { connectionProtector: pskProtector(new PskRing([psk])) }),
    connectionEncrypters: [encrypter],
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

async function open(from: Libp2p, to: Libp2p): Promise<Stream> {
  const signal = AbortSignal.timeout(5000)
  return from.dialProtocol(to.getMultiaddrs(), PROTOCOL, { signal })
}

async function echo(stream: Stream, chunks: readonly Uint8Array[]): Promise<Buffer> {
  const bytes = new ByteStream(stream)
  const parts: Uint8Array[] = []
  const writing = (async () => {
    for (const chunk of chunks) await bytes.write(chunk)
    await bytes.end()
  })()
  for await (const part of bytes.rest()) parts.push(part)
  await writing
  return Buffer.concat(parts)
}

describe('the same as @libp2p/tls', () => {
  const psk = randomBytes(32)
  it.each([
    ['we dial', ours(), theirs(), undefined],
    ['it dials', theirs(), ours(), undefined],
    ['we dial, under a PSK', ours(), theirs(), psk],
    ['it dials, under a PSK', theirs(), ours(), psk],
  ])('when %s', async (_, dialing, listening, key) => {
    const [from, to] = [await node(dialing, key), await node(listening, key)]
    const sent = randomBytes(3 * MB)
    const stream = await open(from, to)
    expect((await echo(stream, [sent])).equals(sent)).toBe(true)
    const [connection] = from.getConnections()
    expect(connection?.remotePeer.equals(to.peerId)).toBe(true)
    expect(connection?.encryption).toBe('/tls/1.0.0')
    // Agreed on within the TLS handshake.
    expect(connection?.multiplexer).toBe('/yamux/1.0.0')
  })

  it.each([
    ['we dial', ours(), theirs()],
    ['it dials', theirs(), ours()],
  ])(
    'a peer that is another than was dialled is refused when %s',
    async (_, dialing, listening) => {
      const [from, to, other] = [await node(dialing), await node(listening), await node(listening)]
      const [address] = to.getMultiaddrs()
      const wrong = String(address).replace(to.peerId.toString(), other.peerId.toString())
      await expect(
        from.dial(multiaddr(wrong), { signal: AbortSignal.timeout(5000) }),
      ).rejects.toThrow()
      expect(from.getConnections()).toEqual([])
    },
  )
})

describe('among ourselves', () => {
  it.each([
    ['one large chunk', [randomBytes(8 * MB)]],
    [
      'chunks of every size',
      [1, 12, 4095, 4096, 70_000, 300_000, 2 * MB].map((n) => randomBytes(n)),
    ],
    ['thousands of small chunks', Array.from({ length: 5000 }, () => randomBytes(100))],
  ])('carries %s, in order, and leaves them as they were', async (_, chunks) => {
    const before = Buffer.concat(chunks)
    const received = await echo(await open(await node(ours()), await node(ours())), chunks)
    expect(received.equals(before)).toBe(true)
    expect(Buffer.concat(chunks).equals(before)).toBe(true)
  })

  it('sends what was written before a close', async () => {
    const [from, to] = [await node(ours()), await node(ours())]
    const arrived: number[] = []
    await to.handle('/sink/1.0.0', (stream) => {
      stream.addEventListener('message', ({ data }) => arrived.push(data.byteLength))
    })
    const stream = await from.dialProtocol(to.getMultiaddrs(), '/sink/1.0.0')
    stream.send(randomBytes(700_000))
    await stream.close()
    await from.getConnections()[0]?.close()
    await waitFor('all of it', () => arrived.reduce((sum, count) => sum + count, 0) === 700_000)
  })

  it('tells both sides when a connection is cut', async () => {
    const [from, to] = [await node(ours()), await node(ours())]
    const stream = await open(from, to)
    const reading = new ByteStream(stream).next()
    from.getConnections()[0]?.abort(new Error('cut'))
    await expect(reading).rejects.toThrow()
    await waitFor('the other side to notice', () => to.getConnections().length === 0)
  })

  it('gives up a handshake that is not finished in time', async () => {
    const from = await node(ours())
    // Agrees on TLS, and then says nothing.
    const mute = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.write('\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n'))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => mute.once('listening', resolve))
    const { port } = mute.address() as AddressInfo
    const dialing = from.dial(multiaddr(`/ip4/127.0.0.1/tcp/${String(port)}`), {
      signal: AbortSignal.timeout(500),
    })
    await expect(dialing).rejects.toThrow()
    mute.close()
  })
})
