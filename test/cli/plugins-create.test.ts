import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOOPBACK, Machines, apps, edit, writeApp } from '../harness/machines.js'
import { until } from '../harness/processes.js'
import { Registry, npm } from '../harness/registry.js'
import { runCli } from './run-cli.js'

/**
 * What `plugins create` writes, as its author has it: our packages come from a registry, npm installs, builds and tests.
 * PLUGINS_CREATE=full installs each of the four by itself, and a fifth without a registry for our packages.
 */
const machines = new Machines()
const machine = machines.machine('node-1')
const isFull = process.env['PLUGINS_CREATE'] === 'full'
const ROOT = join(import.meta.dirname, '../..')
const KINDS = ['runtime', 'health', 'log-sink', 'discovery'] as const
let registry: Registry
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  registry = await Registry.start(machines.base, { passOn: true })
  // What is not ours may come from the cache that is there.
  const { npm_config_registry, npm_config_userconfig } = registry.env
  env = { npm_config_registry, npm_config_userconfig }
  for (const name of ['core', 'process-runtime', 'testkit']) {
    registry.publish(join(ROOT, 'packages', name))
  }
})

afterAll(async () => {
  await registry.stop()
  await machines.remove()
})

async function ok(...args: string[]): Promise<string> {
  const result = await runCli(args, { home: machine.home, cwd: machines.base, env })
  if (result.status !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

const dirOf = (kind: string): string => machines.path(`p2p-${kind}-sample`)
const nameOf = (kind: string): string => `@acme/p2p-${kind}-sample`

describe.each(KINDS)('plugins create %s', (kind) => {
  test('makes a package that builds and passes its contract', async () => {
    await ok('plugins', 'create', kind, nameOf(kind), '--no-local')
    const dir = dirOf(kind)
    // The runtime, which is the first, needs all that the others do.
    if (kind === 'runtime' || isFull) npm(['install', '--no-audit', '--no-fund'], { cwd: dir, env })
    else symlinkSync(join(dirOf('runtime'), 'node_modules'), join(dir, 'node_modules'))
    npm(['run', 'build'], { cwd: dir, env })
    expect(npm(['test'], { cwd: dir, env })).toMatch(/Tests +\d+ passed/)
    expect(existsSync(join(dir, 'dist', 'index.d.ts'))).toBe(true)
  })
})

test('a daemon uses all four of them', async () => {
  await ok('init', '--name', machine.name, ...LOOPBACK)
  for (const kind of KINDS) {
    const text = await ok('plugins', 'link', dirOf(kind))
    expect(text).toContain('"sample", for daemons')
  }
  const peers = machines.path('peers.json')
  const config: Readonly<Record<string, string>> = { discovery: `{ file: ${peers} }` }
  const lines = KINDS.map(
    (kind) => `  - use: '${nameOf(kind)}'\n    config: ${config[kind] ?? '{}'}`,
  )
  edit(machine, 'daemon.yaml', (text) => `${text}plugins:\n${lines.join('\n')}\n`)
  await ok('daemon', 'start')
  const serve =
    "require('node:net').createServer((socket) => socket.on('data', () => socket.end('pong'))).listen(process.env.PORT_MAIN, '127.0.0.1')"
  const manifest = [
    'runtime: sample',
    'ports:\n  main: 0',
    'health_check:\n  type: sample\n  send: ping\n  expect: pong\n  interval: 1s\n',
  ]
  const dir = writeApp(machines.base, {
    name: 'served',
    script: serve,
    interpreter: process.execPath,
    manifest: manifest.join('\n'),
  })
  await ok('deploy', dir)
  await until('the app is healthy', async () =>
    (await apps(machine)).some(({ app, state }) => app === 'served' && state === 'healthy'),
  )
})

test('the tarball of npm pack installs without a registry', async () => {
  const dir = dirOf('runtime')
  npm(['pack', '--ignore-scripts'], { cwd: dir, env })
  const file = join(dir, 'acme-p2p-runtime-sample-0.1.0.tgz')
  const home = machines.path('other')
  mkdirSync(home)
  const result = await runCli(['plugins', 'install', file], {
    home,
    env: { npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: machines.path('empty') },
  })
  expect(result).toMatchObject({ status: 0, stderr: '' })
  expect(result.stdout).toContain('runtime "sample", for daemons')
})

describe('plugins create', () => {
  test('takes our packages from a checkout, which are on no registry', async () => {
    const dir = machines.path('local')
    await ok('plugins', 'create', 'runtime', 'sample', '--dir', dir)
    const { devDependencies } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
      devDependencies: Readonly<Record<string, string>>
    }
    for (const name of ['core', 'testkit', 'process-runtime']) {
      const file = devDependencies[`@p2p-playground/${name}`] ?? ''
      expect(file).toMatch(/^file:vendor\/.*\.tgz$/)
      expect(existsSync(join(dir, file.slice('file:'.length)))).toBe(true)
    }
    if (!isFull) return
    npm(['install', '--no-audit', '--no-fund'], { cwd: dir })
    npm(['run', 'build'], { cwd: dir })
    expect(npm(['test'], { cwd: dir })).toMatch(/Tests +\d+ passed/)
  })

  test.each([
    ['a folder that is not empty', ['health', nameOf('runtime')], 'USAGE', 'is not empty'],
    ['a name that npm does not take', ['health', 'Upper'], 'USAGE', 'no name of an npm package'],
    ['a kind that there is not', ['sink', 'x'], 'USAGE', 'health, runtime, log-sink, discovery'],
  ])('refuses %s', async (_name, args, code, message) => {
    const options = { home: machine.home, cwd: machines.base }
    const { status, stderr } = await runCli(['plugins', 'create', ...args], options)
    expect(stderr).toContain(`Error ${code}: `)
    expect(stderr).toContain(message)
    expect(status).toBe(2)
  })

  test('writes over a folder with --force, and tells programs what it wrote', async () => {
    const args = ['log-sink', 'p2p-logs-kafka', '--dir', dirOf('log-sink'), '--force', '--json']
    const made = JSON.parse(await ok('plugins', 'create', ...args, '--no-local')) as object
    expect(made).toMatchObject({ plugin: 'kafka', kind: 'log-sink', dir: dirOf('log-sink') })
    expect(readFileSync(join(dirOf('log-sink'), 'README.md'), 'utf8')).toContain('# p2p-logs-kafka')
  })
})
