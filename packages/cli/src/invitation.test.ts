import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { formatInvitation, parseInvitation } from './invitation.js'
import type { Invitation } from './invitation.js'

const invitation: Invitation = {
  psk: 'ab'.repeat(32),
  keys: [{ name: 'owner', type: 'ed25519', publicKey: 'cd'.repeat(32) }],
  addresses: ['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWExample'],
}

/** A token whose checksum fits, whatever it says. */
function sealed(value: unknown): string {
  const body = Buffer.from(JSON.stringify(value))
  const sum = createHash('sha256').update(body).digest().subarray(0, 4)
  return `p2pp1.${Buffer.concat([sum, body]).toString('base64url')}`
}

test('what is formatted is parsed again, with blanks around it too', () => {
  const token = formatInvitation(invitation)
  expect(token).toMatch(/^p2pp1\.[\w-]+$/)
  expect(parseInvitation(` ${token}\n`)).toEqual(invitation)
})

test('any one character changed is noticed', () => {
  const token = formatInvitation(invitation)
  for (let at = 0; at < token.length - 1; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A'
    const damaged = token.slice(0, at) + other + token.slice(at + 1)
    expect(() => parseInvitation(damaged), damaged).toThrow(
      expect.objectContaining({ code: 'CONFIG_TOKEN' }),
    )
  }
})

test.each([
  { name: 'no object', value: 7 },
  { name: 'no keys', value: { psk: '' } },
  { name: 'keys that are none', value: { ...invitation, keys: [{ name: 'x' }] } },
  { name: 'a PSK that is no text', value: { ...invitation, psk: 1 } },
  { name: 'addresses that are no list', value: { ...invitation, addresses: 'x' } },
])('a token made by another program: $name', ({ value }) => {
  expect(() => parseInvitation(sealed(value))).toThrow(
    expect.objectContaining({ code: 'CONFIG_TOKEN' }),
  )
})
