import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { generateSigningKey, revokedFingerprints } from '@p2p-playground/core/bundle'
import { resolveHome } from '@p2p-playground/core/config'
import { loadDaemonConfig } from '@p2p-playground/daemon/config'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

let home: ReturnType<typeof makeHome>
beforeEach(() => {
  home = makeHome()
})
afterEach(() => {
  home.remove()
})

const cli = (...args: string[]): Promise<CliResult> => runCli(args, { home: home.path })
const inHome = (name: string): string => join(home.path, name)

describe('init', () => {
  test('makes keys, a PSK and two configurations that check', async () => {
    expect(await cli('init')).toMatchObject({ status: 0 })
    for (const name of ['signing.key', 'signing.pub', 'controller.yaml', 'daemon.yaml']) {
      expect(existsSync(inHome(name)), name).toBe(true)
    }
    expect(await cli('config', 'check')).toMatchObject({ status: 0 })
  })

  test('leaves no secret that others can read', async () => {
    await cli('init')
    for (const name of readdirSync(home.path)) {
      const { mode } = statSync(inHome(name))
      const text = statSync(inHome(name)).isFile() ? readFileSync(inHome(name), 'utf8') : ''
      const isSecret = /PRIVATE KEY|^\/key\/swarm|psk:/m.test(text)
      if (isSecret) expect(mode & 0o077, name).toBe(0)
    }
    expect(statSync(inHome('signing.key')).mode & 0o777).toBe(0o600)
  })

  test.each([{ args: [] as string[] }, { args: ['--force'] }])(
    'a second run with $args keeps every key',
    async ({ args }) => {
      await cli('init')
      const keys = ['signing.key', 'signing.pub', 'swarm.key'].filter((name) =>
        existsSync(inHome(name)),
      )
      const before = keys.map((name) => readFileSync(inHome(name), 'utf8'))
      expect(await cli('init', ...args)).toMatchObject({ status: 0 })
      expect(keys.map((name) => readFileSync(inHome(name), 'utf8'))).toEqual(before)
    },
  )

  test('says which flags change nothing, because daemon.yaml is there', async () => {
    await cli('init', '--name', 'first')
    const again = await cli('init', '--name=other', '--label', 'a=b')
    expect(again.stderr).toBe(
      `Warning: ${inHome('daemon.yaml')} stays as it was: --name, --label changed nothing; edit it, or write it anew with --force\n`,
    )
    expect(again.status).toBe(0)
    expect((await cli('init')).stderr).toBe('')
    expect((await cli('init', '--name', 'other', '--force')).stderr).toBe('')
    expect(readFileSync(inHome('daemon.yaml'), 'utf8')).toContain('name: other')
  })

  test('a package made after it needs no flags and is trusted by the daemon of the home', async () => {
    await cli('init')
    const app = writeApp(home.path, { name: 'hello' })
    const file = inHome('hello.p2p')
    expect(await cli('pack', app, '--out', file)).toMatchObject({ status: 0 })
    expect(await cli('verify', file)).toMatchObject({ status: 0 })
  })
})

test('init beside a public key whose private key is gone says the way out', async () => {
  await cli('init')
  rmSync(inHome('signing.key'))
  const result = await cli('init')
  expect(result.stderr).toMatch(/^Error CONFIG_EXISTS: \S+signing\.pub is there already\n/)
  expect(result.stderr).toContain(`Or move ${inHome('signing.pub')} away`)
  expect(result.stderr).not.toContain('--out')
  expect(result.status).toBe(1)
  rmSync(inHome('signing.pub'))
  expect(await cli('init')).toMatchObject({ status: 0 })
})

const NO_LISTEN = ['foo', '/ip4/0.0.0.0/tcp/99999', '/ip4/300.0.0.1/tcp/1']

test.each(NO_LISTEN)('init --listen %s is refused before anything is written', async (address) => {
  const result = await cli('init', '--listen', address)
  expect(result.stderr).toMatch(/^Error USAGE: --listen .*\n.*\/ip4\/0\.0\.0\.0\/tcp\/4001/)
  expect(result.status).toBe(2)
  expect(readdirSync(home.path)).toEqual([])
})

describe('invite and join', () => {
  test('join --listen with no address is refused before anything is written', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = makeHome()
    try {
      const result = await runCli(['join', token, '--listen', 'bogus'], { home: other.path })
      expect(result).toMatchObject({ status: 2 })
      expect(result.stderr).toMatch(/^Error USAGE: --listen bogus: must be a multiaddr/)
      expect(readdirSync(other.path)).toEqual([])
    } finally {
      other.remove()
    }
  })

  test('a second machine trusts the same key and holds the same PSK', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = makeHome()
    try {
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
    } finally {
      other.remove()
    }
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
    const other = makeHome()
    try {
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
    } finally {
      other.remove()
    }
  })

  test('a join that failed can be tried again', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = makeHome()
    try {
      const failed = await runCli(['join', token, '--label', 'no label'], { home: other.path })
      expect(failed).toMatchObject({ status: 2 })
      expect(await runCli(['join', token], { home: other.path })).toMatchObject({ status: 0 })
    } finally {
      other.remove()
    }
  })

  test('a network without a PSK can be joined; inviting to it warns', async () => {
    writeFileSync(inHome('daemon.yaml'), 'node: { name: open }\n')
    const invited = await cli('invite')
    expect(invited.stderr).toContain('no PSK')
    const other = makeHome()
    try {
      const joined = await runCli(['join', tokenOf(invited)], { home: other.path })
      expect(joined).toMatchObject({ status: 0 })
      expect(existsSync(join(other.path, 'swarm.key'))).toBe(false)
      expect(await runCli(['config', 'check'], { home: other.path })).toMatchObject({ status: 0 })
    } finally {
      other.remove()
    }
  })

  test('init after join keeps the network and says which key to add', async () => {
    await cli('init')
    const token = tokenOf(await cli('invite'))
    const other = makeHome()
    try {
      await runCli(['join', token], { home: other.path })
      const before = readFileSync(join(other.path, 'swarm.key'), 'utf8')
      const result = await runCli(['init'], { home: other.path })
      expect(result.status).toBe(0)
      expect(result.stderr).toMatch(/^Warning: .*does not trust this key/)
      expect(readFileSync(join(other.path, 'swarm.key'), 'utf8')).toBe(before)
    } finally {
      other.remove()
    }
  })

  test('a token on standard input is seen by nobody else', async () => {
    await cli('init')
    const file = inHome('token')
    writeFileSync(file, `${tokenOf(await cli('invite'))}\n`)
    const other = makeHome()
    try {
      const through = ['sh', '-c', `exec "$@" < '${file}'`, 'sh']
      const joined = await runCli(['join', '-'], { home: other.path, through })
      expect(joined).toMatchObject({ status: 0 })
      expect(readFileSync(join(other.path, 'swarm.key'), 'utf8')).toBe(
        readFileSync(inHome('swarm.key'), 'utf8'),
      )
    } finally {
      other.remove()
    }
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
    const other = makeHome()
    try {
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
    } finally {
      other.remove()
    }
  })
})

describe('config', () => {
  test('--config with a directory that has none in it is CONFIG_NOT_FOUND', async () => {
    const result = await cli('config', 'show', '--config', home.path)
    expect(result.stderr).toMatch(/^Error CONFIG_NOT_FOUND: there is no daemon\.yaml or controller/)
    expect(result.status).toBe(2)
    writeFileSync(inHome('daemon.yaml'), 'node: { name: in-directory }\n')
    expect((await cli('config', 'show', '--config', home.path)).stdout).toContain('in-directory')
  })

  test('--config with a directory for commands only starts no daemon, which would be open to all', async () => {
    const dir = inHome('named')
    mkdirSync(dir)
    writeFileSync(join(dir, 'controller.yaml'), 'controller: { name: lead }\n')
    for (const command of [
      ['daemon', 'start'],
      ['daemon', 'start', '--foreground'],
      ['config', 'show'],
      ['invite'],
      ['plugins', 'doctor'],
    ]) {
      const { status, stdout, stderr } = await cli(...command, '--config', dir)
      expect({ status, stdout }, command.join(' ')).toEqual({ status: 2, stdout: '' })
      expect(stderr.split('\n')).toEqual([
        `Error CONFIG_NOT_FOUND: there is no daemon.yaml in ${dir}`,
        expect.stringMatching(/"p2p-playground init --home \S+\/named" or "p2p-playground join /),
        '',
      ])
    }
    expect(await cli('daemon', 'status')).toMatchObject({ status: 1 })
    const checked = await cli('config', 'check', '--config', dir)
    expect(checked).toMatchObject({ status: 0, stdout: `${join(dir, 'controller.yaml')}: good\n` })
    const shown = await cli('config', 'show', '--controller', '--config', dir)
    expect(shown.stdout).toContain('lead')
  })

  test('--config with a directory for a daemon only leaves commands their defaults', async () => {
    const dir = inHome('named')
    mkdirSync(dir)
    writeFileSync(join(dir, 'daemon.yaml'), 'node: { name: x }\n')
    const shown = await cli('config', 'show', '--controller', '--config', dir)
    expect(shown).toMatchObject({ status: 0, stderr: '' })
    const checked = await cli('config', 'check', '--config', dir)
    expect(checked).toMatchObject({ status: 0, stdout: `${join(dir, 'daemon.yaml')}: good\n` })
  })

  test('show never prints the PSK', async () => {
    const psk = 'ab'.repeat(32)
    writeFileSync(inHome('daemon.yaml'), `p2p:\n  psk: ${psk}\n`, { mode: 0o600 })
    for (const args of [
      ['config', 'show'],
      ['config', 'show', '--json'],
    ]) {
      const result = await cli(...args)
      expect(result).toMatchObject({ status: 0 })
      expect(result.stdout + result.stderr).not.toContain(psk)
    }
  })

  test.each([
    {
      name: 'an unknown key',
      yaml: 'node:\n  nmae: x\n',
      code: 'CONFIG_UNKNOWN_KEY',
      at: '2:3',
      says: 'name',
    },
    { name: 'broken YAML', yaml: 'node: [\n', code: 'CONFIG_YAML', at: '', says: '' },
    {
      name: 'a PSK of words',
      yaml: 'p2p:\n  psk: my-secret\n',
      code: 'CONFIG_PSK',
      at: '2:3',
      says: 'p2p-playground psk',
    },
    {
      name: 'a missing variable',
      yaml: 'node:\n  name: ${NOT_SET_HERE}\n',
      code: 'CONFIG_ENV_MISSING',
      at: '2:3',
      says: 'NOT_SET_HERE',
    },
  ])('check: $name has a place, a code and a way out', async ({ yaml, code, at, says }) => {
    writeFileSync(inHome('daemon.yaml'), yaml, { mode: 0o600 })
    const result = await cli('config', 'check')
    expect(result.status).toBe(2)
    expect(result.stderr).toContain(`${inHome('daemon.yaml')}:${at}`)
    expect(result.stderr).toContain(code)
    expect(result.stderr).toContain(says)
  })

  test('check says all that is wrong with a file', async () => {
    writeFileSync(inHome('daemon.yaml'), 'node: { name: 1 }\nnoed: {}\nruntime: { max_apps: x }\n')
    const result = await cli('config', 'check')
    expect(result.stderr.match(/^Error \w+: \S+\d: .*?"\S+"/gm)).toEqual([
      `Error CONFIG_UNKNOWN_KEY: ${inHome('daemon.yaml')}:2:1: unknown key "noed"`,
      `Error CONFIG_INVALID: ${inHome('daemon.yaml')}:1:9: "node.name"`,
      `Error CONFIG_INVALID: ${inHome('daemon.yaml')}:3:12: "runtime.max_apps"`,
    ])
    expect(result).toMatchObject({ status: 2, stdout: '' })
  })

  test('check looks at both files, or at the one that is named', async () => {
    writeFileSync(inHome('daemon.yaml'), 'node: { name: x }\n')
    writeFileSync(inHome('controller.yaml'), 'nonsense: 1\n')
    const both = await cli('config', 'check')
    expect(both.status).toBe(2)
    expect(both.stderr).toContain('controller.yaml:1:1')
    const named = await cli('config', 'check', '--config', inHome('daemon.yaml'))
    expect(named).toMatchObject({ status: 0 })
  })

  test('check says of each thing that this machine does not have where it is asked for', async () => {
    const file = inHome('daemon.yaml')
    writeFileSync(
      file,
      `runtime:
  default: nothing
  user: nouser
logging: { sinks: [lokki] }
plugins:
  - use: "@acme/none"
`,
    )
    const { status, stdout, stderr } = await cli('config', 'check')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr.match(/^(Error|Warning).*$/gm)).toEqual([
      `Error CONFIG_INVALID: ${file}:2:3: runtime.default is "nothing", which no plugin brings`,
      `Error CONFIG_INVALID: ${file}:3:3: there is no user "nouser" on this machine`,
      `Error CONFIG_INVALID: ${file}:4:20: logging.sinks names "lokki", which no plugin brings`,
      expect.stringMatching(/^Error PLUGIN_NOT_FOUND: \S+daemon\.yaml:6:5: .*@acme\/none/),
    ])
    const shown = await cli('config', 'check', '--json')
    expect(shown).toMatchObject({ status: 2, stderr: '' })
    const { error } = JSON.parse(shown.stdout) as {
      error: { details: { problems: { line: number }[] } }
    }
    expect(error.details.problems.map(({ line }) => line)).toEqual([2, 3, 4, 6])
    const doctor = await cli('doctor', '--json')
    expect(JSON.parse(doctor.stdout)).toContainEqual(
      expect.objectContaining({
        check: 'daemon.yaml',
        result: 'fail',
        message: `${file}:3:3: there is no user "nouser" on this machine`,
      }),
    )
  })

  test.each([
    ['controller.yaml', 'security: { signing_key_type: ed25519 }\n'],
    ['controller.prod.yaml', 'p2p: { enable_mdns: false }\n'],
    ['lead.yaml', 'controller: { name: lead }\n'],
  ])('check and show take %s for what it is', async (name, yaml) => {
    const path = inHome(name)
    writeFileSync(path, yaml)
    expect(await cli('config', 'check', '--config', path)).toMatchObject({
      status: 0,
      stdout: `${path}: good\n`,
      stderr: '',
    })
    const shown = await cli('config', 'show', '--config', path)
    expect(shown).toMatchObject({ status: 0 })
    expect(shown.stdout).toContain('controller.name')
  })

  test('--config of a file that is not there says so', async () => {
    const result = await cli('config', 'check', '--config', inHome('none.yaml'))
    expect(result.status).toBe(2)
    expect(result.stderr).toMatch(/^Error CONFIG_NOT_FOUND: /m)
  })
})

function tokenOf(result: CliResult): string {
  expect(result).toMatchObject({ status: 0 })
  const token = /p2pp1\.[\w.-]+/.exec(result.stdout)?.[0]
  if (token === undefined) throw new Error(`no token in: ${result.stdout}`)
  return token
}
