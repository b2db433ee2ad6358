import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { homeOfEachTest } from './run-cli.js'

const home = homeOfEachTest()
const { cli, inHome } = home

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

  test('check and doctor warn of default limits that are beyond this machine', async () => {
    const file = inHome('daemon.yaml')
    writeFileSync(file, 'runtime:\n  default_limits:\n    memory: 900Ti\n    cpu: 9000\n')
    const { status, stderr } = await cli('config', 'check')
    const [cpu = '', memory = ''] = stderr.split('\n')
    expect(cpu).toMatch(
      /:4:5: runtime\.default_limits\.cpu is beyond this machine: 9000 cores \(it has \d+\)$/,
    )
    expect(memory).toMatch(
      /:3:5: runtime\.default_limits\.memory is beyond this machine: 900\.0 TiB of memory \(it has .*\)$/,
    )
    expect(status).toBe(0)
    const doctor = await cli('doctor', '--json')
    expect(JSON.parse(doctor.stdout)).toContainEqual({
      check: 'daemon.yaml',
      result: 'warn',
      message: `${cpu}; ${memory}`.replaceAll('Warning: ', ''),
    })
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
