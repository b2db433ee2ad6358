import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { asSomebodyElse, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'
import { helloOfEachTest } from './packages.test.support.js'

const hello = helloOfEachTest()
const { home, cli } = hello

describe('what is wrong is said once, with the right exit code', () => {
  test.each([
    { name: 'no such directory', args: ['pack', 'nowhere'], status: 2, says: 'nowhere' },
    {
      name: 'no such package',
      args: ['verify', 'none.p2p', '--trust', '0'.repeat(64)],
      status: 2,
      says: /CONFIG_KEY|BUNDLE_NOT_FOUND/,
    },
    {
      name: 'no such package to inspect',
      args: ['inspect', 'none.p2p'],
      status: 2,
      says: 'BUNDLE_NOT_FOUND',
    },
    {
      name: 'no such package to deploy',
      args: ['deploy', 'none.p2p'],
      status: 2,
      says: 'none.p2p',
    },
    {
      name: 'nothing to run',
      args: ['run', 'nowhere'],
      status: 2,
      says: /^Error BUNDLE_NOT_FOUND: there is neither a package nor a directory nowhere\nName .*pack/,
    },
    {
      name: 'a manifest to run',
      args: ['run', 'hello-1.0.0/manifest.yaml'],
      status: 2,
      says: /^Error BUNDLE_NOT_FOUND: hello-1\.0\.0\/manifest\.yaml is no package\nName .* hello-1\.0\.0\n/,
    },
    {
      name: 'no directory to pack into',
      args: ['pack', 'hello-1.0.0', '--no-sign', '--out', '/nonexist/x.p2p'],
      status: 2,
      says: /^Error FILE_ACCESS: there is no directory \/nonexist\n/,
    },
    {
      name: 'a directory to pack over',
      args: ['pack', 'hello-1.0.0', '--no-sign', '--out', '.'],
      status: 2,
      says: /^Error FILE_ACCESS: .* is a directory, not a file\n/,
    },
    {
      name: 'a file to make keys in',
      args: ['keygen', '--out', 'hello-1.0.0/manifest.yaml'],
      status: 2,
      says: /^Error FILE_ACCESS: hello-1.0.0\/manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a file as the home',
      args: ['app', 'list', '--home', 'hello-1.0.0/manifest.yaml'],
      status: 2,
      says: /^Error FILE_ACCESS: .*manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a file on the way to the home',
      args: ['app', 'list', '--home', 'hello-1.0.0/manifest.yaml/home'],
      status: 2,
      says: /^Error FILE_ACCESS: .*manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a key of 62 characters',
      args: ['verify', 'x.p2p', '--trust', 'a'.repeat(62)],
      status: 2,
      says: 'CONFIG_KEY',
    },
    {
      name: 'no such key',
      args: ['pack', 'hello-1.0.0', '--key', 'none.key'],
      status: 2,
      says: 'none.key',
    },
  ])('$name', async ({ args, status, says }) => {
    const result = await cli(...args)
    expect(result.status).toBe(status)
    expect(result.stderr).toMatch(says)
    expectOneMessage(result)
  })

  test('of several problems each has its line, unknown keys before the missing', async () => {
    const dir = writeApp(home.path, { name: 'bad' })
    const yaml = join(dir, 'manifest.yaml')
    writeFileSync(yaml, 'name: bad\nversion: 1.0.0\nentrypiont: bin/run\nenvv: {}\n')
    const result = await cli('pack', dir, '--no-sign')
    expect(result.stderr).toBe(
      [
        `Error CONFIG_UNKNOWN_KEY: ${yaml}:3:1: unknown key "entrypiont"`,
        'Did you mean "entrypoint"?',
        `Error CONFIG_UNKNOWN_KEY: ${yaml}:4:1: unknown key "envv"`,
        'Did you mean "env"?',
        `Error CONFIG_INVALID: ${yaml}:1:1: "entrypoint" is missing`,
        '',
      ].join('\n'),
    )
    expect(result).toMatchObject({ status: 2, stdout: '' })
  })

  test('sign writes neither over a directory nor where there is none', async () => {
    const key = join(home.path, 'keys', 'signing.key')
    expect(await cli('keygen', '--out', join(home.path, 'keys'))).toMatchObject({ status: 0 })
    await cli('pack', hello.app, '--no-sign', '--out', hello.file)
    for (const [out, says] of [
      ['keys', 'keys is a directory, not a file'],
      ['/nonexist/x', 'there is no directory /nonexist'],
    ] as const) {
      const result = await cli('sign', hello.file, '--key', key, '--out', out)
      expect(result.stderr).toContain(`Error FILE_ACCESS: ${says}\n`)
      expect(result.status).toBe(2)
      expectOneMessage(result)
    }
  })

  test('a manifest that is a symlink is refused, and nothing of it is shown', async () => {
    const secret = join(home.path, 'secret')
    writeFileSync(secret, 'very secret\n')
    rmSync(join(hello.app, 'manifest.yaml'))
    symlinkSync(secret, join(hello.app, 'manifest.yaml'))
    const result = await cli('pack', hello.app, '--no-sign')
    expect(result.stderr).toMatch(/^Error BUNDLE_PACK: .*manifest\.yaml is a symlink/)
    expect(result.stderr).not.toContain('very secret')
    expect(result.status).toBe(2)
  })

  test('of a manifest that is no map a few words are shown', async () => {
    writeFileSync(join(hello.app, 'manifest.yaml'), 'all the words of a whole book. '.repeat(1000))
    const result = await cli('pack', hello.app, '--no-sign')
    expect(result.stderr).toContain('manifest.yaml:1:1: the document must be a map, not "all the')
    expect(result.stderr.length).toBeLessThan(300)
    expect(result.status).toBe(2)
  })

  test.each([
    ['a list for a map', 'ports: [8080]', '4:1: "ports" must be a map, not a list'],
    ['a duration without a unit', 'restart: { delay: 5 }', 'must be a duration with a unit: '],
    ['a health check of no type', 'health_check: {}', '"health_check.type" is missing'],
    [
      'a health check of another port',
      'ports: { web: 0 }\nhealth_check: { type: http, endpoint: /, port: webb }',
      'names the port "webb", which is no entry of "ports"',
    ],
  ])('of a manifest with %s', async (_name, line, says) => {
    const yaml = `name: x\nversion: 1.0.0\nentrypoint: bin/run\n${line}\n`
    writeFileSync(join(hello.app, 'manifest.yaml'), yaml)
    const result = await cli('pack', hello.app, '--no-sign')
    expect(result.stderr).toContain(says)
    expect(result.stderr).not.toContain('in quotes')
    expect(result.status).toBe(2)
    expectOneMessage(result)
  })

  test('version 1.10 without quotes is refused with a hint', async () => {
    const dir = join(home.path, 'number')
    mkdirSync(join(dir, 'bin'), { recursive: true })
    writeFileSync(join(dir, 'manifest.yaml'), 'name: x\nversion: 1.10\nentrypoint: bin/x\n')
    const result = await cli('pack', dir, '--no-sign')
    expect(result.status).toBe(2)
    expect(result.stderr).toContain('1.10.0')
  })
})

describe('what the rights of the user do not reach is FILE_ACCESS, with the path', () => {
  test.each([
    { args: 'verify FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'inspect FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'deploy FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'pack APP --no-sign -o FILE', locked: 'hello-1.0.0/bin/run', names: 'bin/run' },
    {
      args: 'pack APP --no-sign -o FILE',
      locked: 'hello-1.0.0/manifest.yaml',
      names: 'manifest.yaml',
    },
    { args: 'pack APP --no-sign -o FILE', locked: '.', mode: 0o555, names: 'hello.p2p' },
    { args: 'init', locked: '.', mode: 0o555, names: 'signing.key' },
    { args: 'node list', locked: '.', mode: 0o555, names: 'identity' },
    { args: 'daemon start', locked: '.', mode: 0o555, names: 'run' },
    { args: 'daemon start', locked: '.', names: 'package.json' },
    { args: 'daemon status', locked: '.', names: 'daemon.json' },
  ])('$args with $locked locked', async ({ args, locked, mode = 0, names }) => {
    writeFileSync(hello.file, 'x')
    chmodSync(home.path, 0o777)
    chmodSync(join(home.path, locked), mode)
    const words = args.replace('FILE', hello.file).replace('APP', hello.app).split(' ')
    const result = await runCli(words, { home: home.path, cwd: '/', through: asSomebodyElse })
    chmodSync(join(home.path, locked), 0o777)
    expect(result.stderr).toMatch(/^Error FILE_ACCESS: this user may not access \S+\n.*\n$/)
    expect(result.stderr).toContain(`${names}\n`)
    expect(result.status).toBe(2)
  })
})

function expectOneMessage(result: CliResult): void {
  expect(result.stderr.match(/^Error [A-Z_]+: /gm)).toHaveLength(1)
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
  expect(result.stdout).toBe('')
}
