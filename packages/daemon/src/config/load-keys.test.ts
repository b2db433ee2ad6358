import { createPublicKey } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fingerprintOf, generateSigningKey } from '@p2p-playground/core/bundle'
import { loadRevokedKeys, loadTrustedKeys } from '../trusted-keys.js'
import { KEY, PSK, configOfEachTest } from './load.test.support.js'

const { inDir, write, load } = configOfEachTest()

describe('the keys of daemon.yaml', () => {
  it('reads the PSK from a swarm.key file beside it', async () => {
    write('swarm.key', `/key/swarm/psk/1.0.0/\n/base16/\n${PSK}\n`)
    write('daemon.yaml', 'p2p: { psk_file: swarm.key }\n')
    const { config } = await load()
    expect(config.p2p.psk).toHaveLength(1)
  })

  it('reads two swarm.key files while the PSK is rotated: the first is the one that is used', async () => {
    const old = 'cd'.repeat(32)
    write('new.key', `/key/swarm/psk/1.0.0/\n/base16/\n${PSK}\n`)
    write('old.key', old)
    write('daemon.yaml', 'p2p: { psk_file: [new.key, ./old.key] }\n')
    const { config, shown } = await load()
    expect(config.p2p.psk.map((psk) => Buffer.from(psk).toString('hex'))).toEqual([PSK, old])
    expect(shown.filter(({ key }) => key.startsWith('p2p.psk'))).toMatchObject([
      { key: 'p2p.psk_file.0', value: 'new.key' },
      { key: 'p2p.psk_file.1', value: './old.key' },
    ])
  })

  it.each([
    ['is not there', 'CONFIG_NOT_FOUND', 'none.key'],
    ['others can read', 'CONFIG_PERMISSIONS', 'open.key'],
    ['holds no PSK', 'CONFIG_PSK', 'bad.key'],
  ])('refuses a second PSK file that %s', async (_name, code, name) => {
    write('new.key', PSK)
    write('open.key', PSK, 0o644)
    write('bad.key', 'nonsense')
    write('daemon.yaml', `p2p: { psk_file: [new.key, ${name}] }\n`)
    await expect(load()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(inDir(name)) as string,
    })
  })

  it('suggests the command that makes a PSK', async () => {
    write('daemon.yaml', 'p2p: { psk: nonsense }')
    await expect(load()).rejects.toMatchObject({
      hint: expect.stringMatching(/p2p-playground psk/) as string,
    })
  })

  it('points at the line of a key that is none', async () => {
    write('daemon.yaml', 'security:\n  trusted_public_keys:\n    - { name: a, public_key: "62" }\n')
    const loaded = await load()
    expect(() => loadTrustedKeys(loaded)).toThrow(/daemon\.yaml:3:7: "?2? ?/)
    expect(() => loadTrustedKeys(loaded)).toThrow(expect.objectContaining({ code: 'CONFIG_KEY' }))
  })

  it('finds the PEM files of keys from the file that names them, wherever it is run', async () => {
    mkdirSync(inDir('keys'))
    const { publicPem } = generateSigningKey('ed25519')
    write('keys/lead.pub', publicPem)
    write('keys/gone.pub', generateSigningKey('ed25519').publicPem)
    write(
      'daemon.yaml',
      `security:
  trusted_public_keys: [{ name: lead, public_key: keys/lead.pub }]
  revoked_keys: [keys/gone.pub, ./keys/lead.pub, ${KEY}]
`,
    )
    const loaded = await load()
    const spki = createPublicKey(publicPem).export({ type: 'spki', format: 'der' })
    expect(loaded.config.security.trustedPublicKeys).toMatchObject([
      { public_key: inDir('keys/lead.pub') },
    ])
    expect(loadTrustedKeys(loaded)).toMatchObject([{ fingerprint: fingerprintOf(spki) }])
    expect(loadRevokedKeys(loaded)).toContain(fingerprintOf(spki))
  })

  it.each([
    [
      'trusted',
      'trusted_public_keys:\n    - { name: a, public_key: package.json }',
      loadTrustedKeys,
    ],
    ['revoked', 'revoked_keys:\n    - package.json', loadRevokedKeys],
  ])('takes no %s key from the directory it is run in', async (_name, text, read) => {
    write('daemon.yaml', `security:\n  ${text}\n`)
    const loaded = await load()
    expect(() => read(loaded)).toThrow(
      /daemon\.yaml:3:7: "package\.json" is no public key and no file/,
    )
  })

  it('refuses secrets that others can read', async () => {
    write('daemon.yaml', `p2p: { psk: ${PSK} }`, 0o644)
    await expect(load()).rejects.toMatchObject({ code: 'CONFIG_PERMISSIONS' })
  })
})
