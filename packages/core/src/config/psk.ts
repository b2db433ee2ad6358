import { randomBytes } from 'node:crypto'
import { PlaygroundError } from '../errors.js'
import type { SourcePosition } from '../errors.js'

const HEADER = '/key/swarm/psk/1.0.0/'

/** 32 random bytes. */
export function generatePsk(): Uint8Array {
  return randomBytes(32)
}

/** The swarm.key file of libp2p private networks (https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md). */
export function formatSwarmKey(psk: Uint8Array): string {
  return `${HEADER}\n/base16/\n${Buffer.from(psk).toString('hex')}\n`
}

/**
 * 64 hex characters, or the text of a swarm.key file, as 32 bytes.
 * @throws CONFIG_PSK
 */
export function parsePsk(text: string, at?: SourcePosition): Uint8Array {
  const trimmed = text.trim()
  const [header, encoding, key] = trimmed.split(/\r?\n/)
  const hex = header === HEADER && encoding === '/base16/' ? (key ?? '').trim() : trimmed
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return Buffer.from(hex, 'hex')
  const said = /^[0-9a-fA-F]*$/.test(hex)
    ? `${String(hex.length)} hex characters`
    : 'something that is not hex'
  throw new PlaygroundError(
    'CONFIG_PSK',
    `a PSK is 64 hex characters (32 bytes), this is ${said}`,
    {
      hint: 'Make one with "p2p-playground psk" and give every machine the same.',
      at,
    },
  )
}
