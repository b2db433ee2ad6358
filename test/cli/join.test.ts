import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateSigningKey, revokedFingerprints } from '@p2p-playground/core/bundle'
import { resolveHome } from '@p2p-playground/core/config'
import { loadDaemonConfig } from '@p2p-playground/daemon/config'
import { describe, expect, onTestFinished, test } from 'vitest'
import { homeOfEachTest, makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

const home = homeOfEachTest()
const { cli, inHome } = home

describe('invite and join', () => {
  test('join with no address or no name is refused before anything is written', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = otherHome()
    const result = await runCli(['join', token, '--listen', 'bogus'], { home: other.path })
    expect(result).toMatchObject({ status: 2 })
    expect(result.stderr).toMatch(/^Error USAGE: --listen bogus: must be a multiaddr/)
    const unnamed = await runCli(['join', token, '--name', ''], { home: other.path })
    expect(unnamed).toMatchObject({ status: 2 })
    expect(unnamed.stderr).toMatch(/^Error USAGE: --name is empty$/m)
    const listed = await runCli(['join', token, '--name', 'a,b'], { home: other.path })
    expect(listed).toMatchObject({ status: 2 })
    expect(listed.stderr).toMatch(/^Error USAGE: --name "a,b": must have no comma/m)
    expect(readdirSync(other.path)).toEqual([])
  })

  test('a second machine trusts the same key and holds the same PSK', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = otherHome()
    const joined = await runCli(
      ['join', token, '--name', 'second', '--labels', 'env=test,zone=b'],
      { home: other.path },
    )
    expect(joined).toMatchObject({ status: 0 })
    expect(statSync(join(other.path, 'daemon.yaml')).mode & 0o077).toBe(0)
    expect(await runCli(['config', 'check'], { home: other.path })).toMatchObject({ status: 0 })
    const shown = await runCli(['config', 'show', '--json'], { home: other.path })
    expect(shown.stdout).toContain('second')
    expect(shown.stdout).toContain('zone')
    const hex = /public_key: "?([0-9a-f]{64})/.exec(
      readFileSync(inHome('daemon.yaml'), 'utf8'),
    )?.[1]
    expect(readFileSync(join(other.path, 'daemon.yaml'), 'utf8')).toContain(hex)
    expect(existsSync(join(other.path, 'signing.key'))).toBe(false)
  })

  test('what limits a key goes along, and so do revoked keys and the second PSK', async () => {
    const psk = ['ab'.repeat(32), 'cd'.repeat(32)]
    const revoked = generateSigningKey('ed25519').publicPem
    writeFileSync(inHome('revoked.pem'), revoked)
    const security = {
      trusted_public_keys: [
        {
          name: 'watcher',
          public_key: generateSigningKey('ed25519').publicPem,
          roles: ['observe'],
          apps: ['web-*'],
          not_after: '2030-01-01T00:00:00Z',
        },
        { name: 'owner', public_key: generateSigningKey('ed25519').publicPem },
      ],
      revoked_keys: ['01'.repeat(32), inHome('revoked.pem')],
    }
    // JSON is YAML.
    const text = JSON.stringify({ p2p: { psk }, security })
    writeFileSync(inHome('daemon.yaml'), text, { mode: 0o600 })
    const invited = await cli('invite')
    const other = otherHome()
    const joined = await runCli(['join', tokenOf(invited)], { home: other.path })
    expect(joined).toMatchObject({ status: 0 })
    const request = { home: resolveHome({ P2P_PLAYGROUND_HOME: other.path }), env: {} }
    const { config } = await loadDaemonConfig({
      ...request,
      config: undefined,
      environment: undefined,
    })
    const all = { roles: ['publish', 'operate', 'observe'], apps: ['*'] }
    const not_after = Date.parse('2030-01-01T00:00:00Z')
    expect(config.security.trustedPublicKeys).toEqual([
      expect.objectContaining({
        name: 'watcher',
        roles: ['observe'],
        apps: ['web-*'],
        not_after,
      }),
      expect.objectContaining({ name: 'owner', ...all }),
    ])
    expect(config.security.trustedPublicKeys[1]).not.toHaveProperty('not_after')
    const named = revokedFingerprints(revoked)
    expect(config.security.revokedKeys).toEqual(['01'.repeat(32), ...named])
    expect(config.p2p.psk.map((one) => Buffer.from(one).toString('hex'))).toEqual(psk)
    expect(statSync(join(other.path, 'daemon.yaml')).mode & 0o777).toBe(0o600)
    expect(await runCli(['init'], { home: other.path })).toMatchObject({ status: 0 })
    expect(readFileSync(join(other.path, 'swarm.key'), 'utf8')).toContain(psk[0])
  })

  test('a join that failed can be tried again', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = otherHome()
    const failed = await runCli(['join', token, '--label', 'no label'], { home: other.path })
    expect(failed).toMatchObject({ status: 2 })
    expect(await runCli(['join', token], { home: other.path })).toMatchObject({ status: 0 })
  })

  test('a network without a PSK can be joined; inviting to it warns', async () => {
    writeFileSync(inHome('daemon.yaml'), 'node: { name: open }\n')
    const invited = await cli('invite')
    expect(invited.stderr).toContain('no PSK')
    const other = otherHome()
    const joined = await runCli(['join', tokenOf(invited)], { home: other.path })
    expect(joined).toMatchObject({ status: 0 })
    expect(existsSync(join(other.path, 'swarm.key'))).toBe(false)
    expect(await runCli(['config', 'check'], { home: other.path })).toMatchObject({ status: 0 })
  })

  test('init after join keeps the network and says which key to add', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = otherHome()
    await runCli(['join', token], { home: other.path })
    const before = readFileSync(join(other.path, 'swarm.key'), 'utf8')
    const result = await runCli(['init'], { home: other.path })
    expect(result.status).toBe(0)
    expect(result.stderr).toMatch(/^Warning: .*does not trust this key/)
    expect(readFileSync(join(other.path, 'swarm.key'), 'utf8')).toBe(before)
  })

  test('a token on standard input is seen by nobody else', async () => {
    await cli('init')
    const file = inHome('token')
    writeFileSync(file, `${tokenOf(await cli('invite'))}\n`)
    const other = otherHome()
    const through = ['sh', '-c', `exec "$@" < '${file}'`, 'sh']
    const joined = await runCli(['join', '-'], { home: other.path, through })
    expect(joined).toMatchObject({ status: 0 })
    expect(readFileSync(join(other.path, 'swarm.key'), 'utf8')).toBe(
      readFileSync(inHome('swarm.key'), 'utf8'),
    )
  })

  test('join - says that nothing came', async () => {
    const result = await cli('join', '-')
    expect(result.stderr).toMatch(/^Error CONFIG_TOKEN: standard input held no invitation\n/)
    expect(result.status).toBe(2)
  })

  test('join refuses to replace a configuration', async () => {
    await cli('init')
    const before = readFileSync(inHome('daemon.yaml'), 'utf8')
    const result = await cli('join', tokenOf(await cli('invite')))
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/^Error CONFIG_EXISTS: /m)
    expect(readFileSync(inHome('daemon.yaml'), 'utf8')).toBe(before)
  })

  test('a token with one character changed, cut or made up is refused', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = otherHome()
    const middle = Math.floor(token.length / 2)
    const swapped = token[middle] === 'A' ? 'B' : 'A'
    const damaged = [
      token.slice(0, middle) + swapped + token.slice(middle + 1),
      token.slice(0, -8),
      'p2pp1.',
      'p2pp1.aGVsbG8',
      'hello',
    ]
    for (const text of damaged) {
      const result = await runCli(['join', text], { home: other.path })
      expect(result.status, text).toBe(2)
      expect(result.stderr).toMatch(/^Error CONFIG_TOKEN: /m)
      expect(existsSync(join(other.path, 'daemon.yaml'))).toBe(false)
    }
  })
})

/** Of another machine; it goes with the test. */
function otherHome(): ReturnType<typeof makeHome> {
  const other = makeHome()
  onTestFinished(other.remove)
  return other
}

function tokenOf(result: CliResult): string {
  expect(result).toMatchObject({ status: 0 })
  const token = /p2pp1\.[\w.-]+/.exec(result.stdout)?.[0]
  if (token === undefined) throw new Error(`no token in: ${result.stdout}`)
  return token
}
