import { randomBytes } from 'node:crypto'
import type { Connection, Stream } from '@libp2p/interface'
import { PlaygroundError, asPlaygroundError, isErrorCode } from '@p2p-playground/core'
import type { Clock, Grant } from '@p2p-playground/core'
import type { SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { wire } from '@p2p-playground/proto'
import { ByteStream } from '../byte-stream.js'
import { NONCE_BYTES, grantRoles, isMember, membershipProofs, roleProofs } from './proofs.js'
import type { Transcript } from './proofs.js'

/** Runs before any other protocol of ours on a connection. */
export const AUTH_PROTOCOL = '/p2p-playground/auth/1.0.0'

export interface HandshakeContext {
  /** PeerID of this side. */
  readonly self: string
  /** None: no membership is asked for, as TCP without pnet. Two while rotating. */
  readonly psks: readonly Uint8Array[]
  readonly trustedKeys: readonly TrustedKey[]
  /** Fingerprints. */
  readonly revoked: ReadonlySet<string>
  /** What this side can prove. */
  readonly roleKeys: readonly SigningKey[]
  readonly clock: Clock
}

/** A stranger may send one of these: room for eight proofs by RSA keys, and no more. */
const MAX_MESSAGE_BYTES = 16 * 1024
/** A dialer that is refused has so long to read why. */
const HEARD_MS = 300

/** The dialer's part: hello, check of the listener's challenge, response, verdict. @throws AUTH_MEMBERSHIP */
export async function shakeAsDialer(
  connection: Connection,
  stream: Stream,
  context: HandshakeContext,
): Promise<readonly Grant[]> {
  const bytes = new ByteStream(stream)
  const dialerNonce = randomBytes(NONCE_BYTES)
  await bytes.writeMessage(wire.AuthHelloSchema, { nonce: dialerNonce })
  const challenge = await bytes.readMessage(wire.AuthChallengeSchema, MAX_MESSAGE_BYTES)
  const transcript: Transcript = {
    dialer: context.self,
    listener: connection.remotePeer.toString(),
    dialerNonce,
    listenerNonce: checkNonce(challenge.nonce),
  }
  if (!isMember(context.psks, 'listener', transcript, challenge.membershipProof)) {
    throw notMember(transcript.listener)
  }
  await bytes.writeMessage(wire.AuthResponseSchema, {
    membershipProof: membershipProofs(context.psks, 'dialer', transcript),
    roleProofs: roleProofs(context.roleKeys, 'dialer', transcript),
  })
  const verdict = await bytes.readMessage(wire.AuthVerdictSchema, MAX_MESSAGE_BYTES)
  await bytes.end()
  if (!verdict.accepted) {
    const code = isErrorCode(verdict.code) ? verdict.code : 'AUTH_MEMBERSHIP'
    throw new PlaygroundError(code, `${transcript.listener} refuses us: ${verdict.message}`)
  }
  return grantRoles(challenge.roleProofs, 'listener', transcript, trustOf(context))
}

/** The listener's part. @throws AUTH_MEMBERSHIP after having told the dialer */
export async function shakeAsListener(
  connection: Connection,
  stream: Stream,
  context: HandshakeContext,
): Promise<readonly Grant[]> {
  const bytes = new ByteStream(stream)
  const hello = await bytes.readMessage(wire.AuthHelloSchema, MAX_MESSAGE_BYTES)
  const transcript: Transcript = {
    dialer: connection.remotePeer.toString(),
    listener: context.self,
    dialerNonce: checkNonce(hello.nonce),
    listenerNonce: randomBytes(NONCE_BYTES),
  }
  await bytes.writeMessage(wire.AuthChallengeSchema, {
    nonce: transcript.listenerNonce,
    membershipProof: membershipProofs(context.psks, 'listener', transcript),
    roleProofs: roleProofs(context.roleKeys, 'listener', transcript),
  })
  const response = await bytes.readMessage(wire.AuthResponseSchema, MAX_MESSAGE_BYTES)
  try {
    if (!isMember(context.psks, 'dialer', transcript, response.membershipProof)) {
      throw notMember(transcript.dialer)
    }
    const granted = grantRoles(response.roleProofs, 'dialer', transcript, trustOf(context))
    await bytes.writeMessage(wire.AuthVerdictSchema, { accepted: true })
    await bytes.end()
    return granted
  } catch (error) {
    const { code, message } = asPlaygroundError(error, 'AUTH_MEMBERSHIP')
    await bytes.writeMessage(wire.AuthVerdictSchema, { accepted: false, code, message })
    await bytes.end()
    await heard(bytes, context)
    throw error
  }
}

/**
 * Until the dialer has read the verdict and ended its side, or for a moment: over QUIC the end of a connection, which comes
 * next, overtakes what was sent on it.
 */
async function heard(bytes: ByteStream, { clock }: HandshakeContext): Promise<void> {
  const done = new AbortController()
  const ended = bytes.next().then(
    () => undefined,
    // It broke off: nobody reads any more.
    () => undefined,
  )
  const moment = clock.sleep(HEARD_MS, done.signal).catch(() => undefined)
  await Promise.race([ended, moment])
  done.abort()
}

function checkNonce(nonce: Uint8Array): Uint8Array {
  if (nonce.length === NONCE_BYTES) return nonce
  throw new PlaygroundError('AUTH_MEMBERSHIP', 'a peer sent no nonce of 32 bytes')
}

function trustOf(context: HandshakeContext): Parameters<typeof grantRoles>[3] {
  return { keys: context.trustedKeys, revoked: context.revoked, nowMs: context.clock.now() }
}

function notMember(peer: string): PlaygroundError {
  return new PlaygroundError('AUTH_MEMBERSHIP', `${peer} has not proved the PSK`, {
    hint: 'All machines of a fleet need the same PSK: compare p2p.psk, or use "p2p-playground invite" and "join".',
  })
}
