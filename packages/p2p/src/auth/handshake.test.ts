import { randomBytes } from 'node:crypto'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { PlaygroundError } from '@p2p-playground/core'
import { RecordingLogger, waitFor } from '@p2p-playground/testkit'
import { wire } from '@p2p-playground/proto'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { ByteStream } from '../byte-stream.js'
import { CALL_PROTOCOL } from '../calls/protocol.js'
import type { Host, HostOptions } from '../host.js'
import { Loopback, addressOf, keyPair, newIdentity } from '../testing/loopback.js'
import { PIECES_PROTOCOL } from '../transfer/piece-server.js'
import { AUTH_PROTOCOL } from './handshake.js'
import type { Refusal } from './refusals.js'

const loopback = new Loopback()
afterEach(() => loopback.close())

const psk = randomBytes(32)
const nextPsk = randomBytes(32)
const TCP = ['/ip4/127.0.0.1/tcp/0']
const QUIC = ['/ip4/127.0.0.1/udp/0/quic-v1']
const soon = (): AbortSignal => AbortSignal.timeout(8000)

async function outcome(dialer: Host, listener: Host): Promise<string> {
  try {
    await dialer.dial(addressOf(listener), soon())
    return 'member'
  } catch (error) {
    if (error instanceof PlaygroundError) return error.code
    throw error
  }
}

describe('who is let in', () => {
  const cases: [string, readonly Uint8Array[], readonly Uint8Array[], string[], string][] = [
    ['no PSK on both sides', [], [], TCP, 'member'],
    ['the same PSK', [psk], [psk], TCP, 'member'],
    ['another PSK', [nextPsk], [psk], TCP, 'NODE_UNREACHABLE'],
    ['no PSK at a host that has one', [], [psk], TCP, 'NODE_UNREACHABLE'],
    ['a PSK at a host that has none', [psk], [], TCP, 'NODE_UNREACHABLE'],
    ['the same PSK over QUIC', [psk], [psk], QUIC, 'member'],
    ['another PSK over QUIC', [nextPsk], [psk], QUIC, 'AUTH_MEMBERSHIP'],
    ['no PSK over QUIC', [], [psk], QUIC, 'AUTH_MEMBERSHIP'],
    ['a PSK at a host that has none, over QUIC', [psk], [], QUIC, 'AUTH_MEMBERSHIP'],
    ['before a rotation, at a host in its midst', [psk], [nextPsk, psk], TCP, 'member'],
    ['in a rotation, at a host before it', [nextPsk, psk], [psk], TCP, 'member'],
    ['in a rotation, at a host behind it', [psk, nextPsk], [nextPsk], TCP, 'member'],
    ['behind a rotation, at a host in its midst', [nextPsk], [psk, nextPsk], TCP, 'member'],
    ['behind a rotation, at a host before it', [nextPsk], [psk], TCP, 'NODE_UNREACHABLE'],
    ['in a rotation, over QUIC', [nextPsk, psk], [psk], QUIC, 'member'],
    ['behind a rotation, in its midst, over QUIC', [nextPsk], [psk, nextPsk], QUIC, 'member'],
  ]
  it.each(cases)('%s', async (_, dialerPsks, listenerPsks, listen, expected) => {
    const listener = await loopback.host({ psk: listenerPsks, listen })
    const dialer = await loopback.host({ psk: dialerPsks, listen: [] })
    expect(await outcome(dialer, listener)).toBe(expected)
    const isMember = expected === 'member'
    await waitFor('the listener to agree', () => {
      const seen = listener.peers().find((peer) => peer.peerId === dialer.peerId)
      return (seen?.authenticated ?? false) === isMember
    })
  })
})

describe('allowed peers', () => {
  it.each([
    ['TCP', TCP],
    ['QUIC', QUIC],
  ])('keep others out on %s, and the refusal is reported', async (_, listen) => {
    const friend = await newIdentity()
    const listener = await loopback.host({ psk: [psk], listen, allowedPeers: [friend.peerId] })
    const refusals: Refusal[] = []
    listener.onRefusal((refusal) => refusals.push(refusal))
    const allowed = await loopback.host({ psk: [psk], listen: [], identity: friend })
    const stranger = await loopback.host({ psk: [psk], listen: [] })
    expect(await outcome(allowed, listener)).toBe('member')
    expect(['AUTH_MEMBERSHIP', 'NODE_UNREACHABLE']).toContain(await outcome(stranger, listener))
    expect(refusals[0]).toMatchObject({ peerId: stranger.peerId, code: 'AUTH_MEMBERSHIP' })
  })

  it('let who is not one of them make a line in the log, and one more for all that follow', async () => {
    const logger = new RecordingLogger()
    const allowedPeers = [(await newIdentity()).peerId]
    const listener = await loopback.host({ psk: [psk], allowedPeers, logger })
    const stranger = await loopback.host({ psk: [psk], listen: [] })
    for (let dial = 0; dial < 5; dial += 1) await outcome(stranger, listener)
    const fields = { peerId: stranger.peerId, code: 'AUTH_MEMBERSHIP' }
    expect(logger.lines).toMatchObject([{ event: 'connection-refused', fields }])
    await listener.stop()
    expect(logger.lines).toHaveLength(2)
    expect(logger.lines[1]).toMatchObject({ fields: { ...fields, more: 4 } })
  })

  it('hold for dialling too', async () => {
    const listener = await loopback.host()
    const dialer = await loopback.host({ allowedPeers: [(await newIdentity()).peerId] })
    expect(await outcome(dialer, listener)).toBe('AUTH_MEMBERSHIP')
    dialer.addAddress({
      peerId: listener.peerId,
      addresses: [addressOf(listener)],
      source: 'mdns',
    })
    await expect(dialer.dial(listener.peerId, soon())).rejects.toMatchObject({
      code: 'AUTH_MEMBERSHIP',
    })
  })
})

describe('roles', () => {
  it('of the dialer are known to the listener, and those of the listener to the dialer', async () => {
    const lead = keyPair('ed25519', { name: 'lead', roles: ['operate'] })
    const node = keyPair('rsa', { name: 'node', roles: ['observe'] })
    const trust: Partial<HostOptions> = { trustedKeys: [lead.trusted, node.trusted] }
    const listener = await loopback.host({ ...trust, roleKeys: [node.signing] })
    const dialer = await loopback.host({ ...trust, roleKeys: [lead.signing] })
    await dialer.dial(addressOf(listener), soon())
    expect(dialer.peers().find((peer) => peer.peerId === listener.peerId)?.roles).toEqual([
      'observe',
    ])
    const seen = await waitFor('the listener', () =>
      listener.peers().find((peer) => peer.peerId === dialer.peerId && peer.authenticated),
    )
    expect(seen.roles).toEqual(['operate'])
  })

  it('do not come of a revoked key, but membership does', async () => {
    const lead = keyPair('ed25519')
    const listener = await loopback.host({
      psk: [psk],
      trustedKeys: [lead.trusted],
      revokedKeys: [lead.trusted.fingerprint],
    })
    const dialer = await loopback.host({ psk: [psk], roleKeys: [lead.signing] })
    await dialer.dial(addressOf(listener), soon())
    const seen = await waitFor('the listener', () =>
      listener.peers().find((peer) => peer.peerId === dialer.peerId && peer.authenticated),
    )
    expect(seen.roles).toEqual([])
  })
})

/** A libp2p node without our protocols: it says on the wire what a test tells it to. */
async function stranger(): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify({ runOnConnectionOpen: false }), ping: ping() },
  })
  loopback.onClose(async () => {
    await node.stop()
  })
  return node
}

async function readAll(stream: Stream): Promise<Buffer> {
  const bytes = new ByteStream(stream)
  const parts: Uint8Array[] = []
  try {
    for await (const part of bytes.rest()) parts.push(part)
  } catch {
    // A reset is what is expected.
  }
  return Buffer.concat(parts)
}

/** TCP without pnet, so that a stranger comes as far as one does over QUIC. */
async function guardedHost(): Promise<{ host: Host; refusals: Refusal[] }> {
  const host = await loopback.host({
    psk: [psk],
    listen: QUIC,
    handshakeTimeoutMs: 500,
  })
  const refusals: Refusal[] = []
  host.onRefusal((refusal) => refusals.push(refusal))
  return { host, refusals }
}

async function quicStranger(): Promise<Libp2p> {
  const { quic } = await import('@chainsafe/libp2p-quic')
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [quic() as unknown as ReturnType<typeof tcp>],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify({ runOnConnectionOpen: false }), ping: ping() },
  })
  loopback.onClose(async () => {
    await node.stop()
  })
  return node
}

describe('a connection without handshake', () => {
  it.each([CALL_PROTOCOL, PIECES_PROTOCOL, '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0'])(
    'gets nothing on %s and is closed in time',
    async (protocol) => {
      const { host, refusals } = await guardedHost()
      const node = await quicStranger()
      const connection = await node.dial(multiaddr(addressOf(host)))
      const stream = await connection.newStream(protocol)
      stream.send(randomBytes(32))
      expect((await readAll(stream)).length).toBe(0)
      await waitFor('the connection to close', () => connection.status !== 'open')
      expect(refusals).toEqual([
        {
          peerId: node.peerId.toString(),
          code: 'AUTH_MEMBERSHIP',
          message: `${node.peerId.toString()} has not begun the handshake in time`,
        },
      ])
    },
  )

  it('is closed when the handshake is begun and not finished', async () => {
    const { host, refusals } = await guardedHost()
    const connection = await (await quicStranger()).dial(multiaddr(addressOf(host)))
    const bytes = new ByteStream(await connection.newStream(AUTH_PROTOCOL))
    await bytes.writeMessage(wire.AuthHelloSchema, { nonce: randomBytes(32) })
    await bytes.readMessage(wire.AuthChallengeSchema)
    await waitFor('the connection to close', () => connection.status !== 'open')
    expect(refusals[0]?.message).toContain('has not finished the handshake in time')
  })

  it.each([
    ['the listener’s own proof, sent back', (proof: Uint8Array) => proof],
    ['no proof', () => new Uint8Array(0)],
    ['a made-up proof', () => new Uint8Array(randomBytes(32))],
  ])('is refused with %s', async (_, answer) => {
    const { host, refusals } = await guardedHost()
    const connection = await (await quicStranger()).dial(multiaddr(addressOf(host)))
    const bytes = new ByteStream(await connection.newStream(AUTH_PROTOCOL))
    await bytes.writeMessage(wire.AuthHelloSchema, { nonce: randomBytes(32) })
    const challenge = await bytes.readMessage(wire.AuthChallengeSchema)
    await bytes.writeMessage(wire.AuthResponseSchema, {
      membershipProof: answer(challenge.membershipProof),
    })
    const verdict = await bytes.readMessage(wire.AuthVerdictSchema)
    expect(verdict).toMatchObject({ accepted: false, code: 'AUTH_MEMBERSHIP' })
    await waitFor('the connection to close', () => connection.status !== 'open')
    expect(refusals).toHaveLength(1)
  })

  it.each([
    ['a short nonce', randomBytes(8)],
    ['a message that is too long', randomBytes(64 * 1024)],
  ])('is refused for %s', async (_, nonce) => {
    const { host, refusals } = await guardedHost()
    const connection = await (await quicStranger()).dial(multiaddr(addressOf(host)))
    const bytes = new ByteStream(await connection.newStream(AUTH_PROTOCOL))
    await bytes.writeMessage(wire.AuthHelloSchema, { nonce })
    await waitFor('the connection to close', () => connection.status !== 'open')
    expect(refusals[0]?.code).toBe('AUTH_MEMBERSHIP')
  })

  it('to a listener that is another program fails with a word about that', async () => {
    const node = await createLibp2p({
      addresses: { listen: TCP },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
    })
    loopback.onClose(async () => {
      await node.stop()
    })
    const dialer = await loopback.host()
    const [address] = node.getMultiaddrs()
    await expect(dialer.dial(String(address), soon())).rejects.toMatchObject({
      code: 'AUTH_MEMBERSHIP',
      message: expect.stringContaining('does not speak our protocol') as string,
    })
  })

  it('a stranger without pnet is cut off before TLS', async () => {
    const host = await loopback.host({ psk: [psk] })
    await expect((await stranger()).dial(multiaddr(addressOf(host)))).rejects.toThrow()
    expect(host.peers()).toEqual([])
  })
})
