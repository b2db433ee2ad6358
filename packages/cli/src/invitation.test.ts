import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { formatInvitation, parseInvitation } from './invitation.js'
import type { Invitation } from './invitation.js'
import type { KeyToTrust } from './setup.js'

const key: KeyToTrust = {
  name: 'watcher',
  type: 'ed25519',
  publicKey: 'cd'.repeat(32),
  roles: ['observe'],
  apps: ['web-*'],
  notAfterMs: 1_893_456_000_000,
}
const invitation: Invitation = {
  psks: ['ab'.repeat(32), 'ef'.repeat(32)],
  keys: [key, { ...key, name: 'owner', apps: ['*'], notAfterMs: null }],
  revokedKeys: ['01'.repeat(32)],
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
  { name: 'no keys', value: { ...invitation, keys: undefined } },
  { name: 'keys that are none', value: { ...invitation, keys: [{ name: 'x' }] } },
  { name: 'a PSK that is no text', value: { ...invitation, psks: [1] } },
  {
    name: 'a key without its roles',
    value: { ...invitation, keys: [{ ...key, roles: undefined }] },
  },
  {
    name: 'a role that there is not',
    value: { ...invitation, keys: [{ ...key, roles: ['own'] }] },
  },
  { name: 'a key without its apps', value: { ...invitation, keys: [{ ...key, apps: undefined }] } },
  {
    name: 'a key without word of its end',
    value: { ...invitation, keys: [{ ...key, notAfterMs: undefined }] },
  },
  { name: 'no word of revoked keys', value: { ...invitation, revokedKeys: undefined } },
  { name: 'addresses that are no list', value: { ...invitation, addresses: 'x' } },
])('a token made by another program: $name', ({ value }) => {
  expect(() => parseInvitation(sealed(value))).toThrow(
    expect.objectContaining({ code: 'CONFIG_TOKEN' }),
  )
})
