import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOOPBACK, apps, edit, writeApp } from '../harness/machines.js'
import { until } from '../harness/processes.js'
import { Registry } from '../harness/registry.js'
import {
  NO_REGISTRY,
  PEERS,
  checker,
  commit,
  git,
  machines,
  silentServer,
  tarball,
  write,
} from './plugins-install.test.support.js'
import { runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

/** Plugins from a registry and from tarballs, into a home whose daemon runs. */
const machine = machines.machine('node-1')
let registry: Registry

interface Report {
  readonly name: string
  readonly version: string
  readonly plugins: readonly { readonly kind: string; readonly name: string }[]
  readonly commands: readonly string[]
  readonly daemonYaml: string | null
}

beforeAll(async () => {
  registry = await Registry.start(machines.base)
  for (const version of ['1.0.0', '1.1.0']) registry.publish(checker('@acme/p2p-both', version))
  await ok(['init', '--name', machine.name, ...LOOPBACK])
  await ok(['daemon', 'start'])
})

afterAll(async () => {
  await registry.stop()
  await machines.remove()
})

async function cli(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly through?: string[] } = {},
): Promise<CliResult> {
  return runCli(args, {
    home: machine.home,
    cwd: machines.base,
    ...options,
    env: { ...registry.env, ...options.env },
  })
}

async function ok(...args: Parameters<typeof cli>): Promise<string> {
  const { status, stdout, stderr } = await cli(...args)
  if (status !== 0) throw new Error(`${args[0].join(' ')}: exit ${String(status)}\n${stderr}`)
  return stdout
}

async function okJson<Value>([args, options]: [string[], object?]): Promise<Value> {
  return JSON.parse(await ok([...args, '--json'], options)) as Value
}

/** Name, version, and where each comes from. */
async function installed(): Promise<string[][]> {
  const rows = await okJson<{ name: string; version: string; from: string }[]>([['plugins']])
  return rows.map(({ name, version, from }) => [name, version, from])
}

/** Names the plugin in daemon.yaml, restarts the daemon, and runs an app that needs it. */
async function useInDaemon({ daemonYaml, plugins }: Report): Promise<void> {
  edit(machine, 'daemon.yaml', (text) =>
    /^plugins:/m.test(text)
      ? text + (daemonYaml ?? '').replace(/^plugins:\n/, '')
      : text + (daemonYaml ?? ''),
  )
  await ok(['daemon', 'stop'])
  await ok(['daemon', 'start'])
  const type = plugins[0]?.name ?? ''
  const manifest = `health_check:\n  type: ${type}\n  interval: 1s\n`
  await ok(['deploy', writeApp(machines.base, { name: `needs-${type}`, manifest })])
  await until(`the app that needs ${type} is healthy`, async () =>
    (await apps(machine)).some(({ app, state }) => app === `needs-${type}` && state === 'healthy'),
  )
  expect(await ok(['app', 'describe', `needs-${type}`])).toContain('healthy')
}

describe('plugins install', () => {
  test('takes a package from a registry; the daemon uses it after a restart', async () => {
    const text = await ok(['plugins', 'install', '@acme/p2p-both@1.0.0'])
    expect(text).toContain('installed @acme/p2p-both 1.0.0')
    expect(text).toContain('health-checker "both", for daemons')
    expect(text).toContain('commands: both version')
    expect(text).toContain(
      `For ${machine.home}/daemon.yaml:\n\nplugins:\n  - use: '@acme/p2p-both'`,
    )
    expect(text).toContain('daemon stop')
    expect(await ok(['both', 'version'])).toBe('both 1.0.0\n')
    expect(await installed()).toEqual([['@acme/p2p-both', '1.0.0', 'registry (1.0.0)']])
    const [report] = await okJson<Report[]>([['plugins', 'install', '@acme/p2p-both@1.0.0']])
    expect(report).toMatchObject({ plugins: [{ kind: 'health-checker', name: 'both' }] })
    if (report !== undefined) await useInDaemon(report)
    expect(await ok(['plugins', 'install', '@acme/p2p-both@1.0.0'])).toContain('names it already')
  })

  test('takes a tarball without any network', async () => {
    const file = tarball(checker('@acme/p2p-alone', '1.0.0'))
    const through = process.getuid?.() === 0 ? ['unshare', '--net'] : []
    const [report] = await okJson<Report[]>([
      ['plugins', 'install', file],
      { env: NO_REGISTRY, through },
    ])
    expect(report).toMatchObject({ name: '@acme/p2p-alone', version: '1.0.0' })
    if (report !== undefined) await useInDaemon(report)
    const again = tarball(checker('@acme/p2p-alone', '1.0.1'))
    await ok(['plugins', 'install', again], { env: NO_REGISTRY, through })
    expect(await ok(['alone', 'version'])).toBe('alone 1.0.1\n')
    expect(readdirSync(join(machine.home, 'oclif', 'tarballs'))).toHaveLength(1)
  })

  test('takes a git repository at a tag or as it is now; update brings what was committed since', async () => {
    const dir = checker('@acme/p2p-cloned', '1.0.0')
    git(dir, 'init', '--quiet')
    commit(dir)
    git(dir, 'tag', 'first')
    await ok(['plugins', 'install', `git+file://${dir}`])
    checker('@acme/p2p-cloned', '1.1.0', PEERS, dir)
    commit(dir)
    expect(await ok(['plugins', 'update'])).toContain('@acme/p2p-cloned 1.0.0 → 1.1.0')
    expect(await ok(['cloned', 'version'])).toBe('cloned 1.1.0\n')
    expect(await installed()).toContainEqual([
      '@acme/p2p-cloned',
      '1.1.0',
      expect.stringContaining(dir),
    ])
    await ok(['plugins', 'install', `git+file://${dir}#first`])
    expect(await ok(['cloned', 'version'])).toBe('cloned 1.0.0\n')
    const { stderr } = await cli(['plugins', 'install', `git+file://${dir}#third`])
    expect(stderr).toContain('The git reference could not be found')
    await ok(['plugins', 'uninstall', '@acme/p2p-cloned'])
  })

  test.each([
    [
      'a package that is not there',
      '@acme/none',
      'PLUGIN_NOT_FOUND',
      'there is no package "@acme/none"',
    ],
    [
      'a version that is not there',
      '@acme/p2p-both@9',
      'PLUGIN_NOT_FOUND',
      '@acme/p2p-both has no version 9',
    ],
    [
      'a git repository that is not there',
      'git+file:///nonexistent/repository',
      'PLUGIN_INSTALL',
      'does not appear to be a git repository',
    ],
    ['a tarball that is none', './broken.tgz', 'PLUGIN_INSTALL', 'broken.tgz is no npm package'],
    ['a package that needs one that is not there', './needy.tgz', 'PLUGIN_INSTALL', '@acme/none'],
    ['a package for another core', './future.tgz', 'PLUGIN_API', 'needs @p2p-playground/core ^9'],
    ['a package that cannot be imported', './throws.tgz', 'PLUGIN_IMPORT', 'boom'],
    ['a package that ends the process', './exits.tgz', 'PLUGIN_IMPORT', 'ended the process'],
  ])('refuses %s, and changes nothing', async (_name, spec, code, message) => {
    const before = manifestText()
    const pack = (name: string, more: object, index?: string): void => {
      const dir = checker(`@acme/p2p-${name}`, '1.0.0', more)
      if (index !== undefined) write(join(dir, 'index.js'), index)
      writeFileSync(machines.path(`${name}.tgz`), readFileSync(tarball(dir)))
    }
    writeFileSync(machines.path('broken.tgz'), 'no tarball')
    if (spec.includes('needy')) pack('needy', { dependencies: { '@acme/none': '^1.0.0' } })
    if (spec.includes('future'))
      pack('future', { peerDependencies: { '@p2p-playground/core': '^9.0.0' } })
    if (spec.includes('throws')) pack('throws', PEERS, "throw new Error('boom')")
    if (spec.includes('exits')) pack('exits', PEERS, 'process.exit(0)')
    const { status, stdout, stderr } = await cli(['plugins', 'install', spec])
    expect(stderr.split('\n')[0]).toContain(message)
    expect(stderr).toMatch(new RegExp(`^Error ${code}: `))
    expect(stdout).toBe('')
    expect(status).not.toBe(0)
    expect(manifestText()).toEqual(before)
    expect(existsSync(join(machine.home, 'oclif.next'))).toBe(false)
  })

  test.each([
    [
      'is down',
      async () => Promise.resolve({ url: NO_REGISTRY.npm_config_registry, close: () => undefined }),
    ],
    ['never answers', async () => silentServer()],
  ])('says in seconds that the registry %s', async (_name, start) => {
    const { url, close } = await start()
    const env = { npm_config_registry: url, npm_config_fetch_timeout: '1000' }
    const { stderr, tookMs } = await cli(['plugins', 'install', '@acme/p2p-both'], { env })
    close()
    expect(stderr).toMatch(/^Error PLUGIN_REGISTRY: the npm registry does not answer: /)
    expect(stderr).toContain('install from a tarball')
    expect(stderr.trim().split('\n')).toHaveLength(2)
    expect(tookMs).toBeLessThan(15_000)
    expect(await ok(['both', 'version'])).toBe('both 1.0.0\n')
  })

  test('says that a package holds nothing of use', async () => {
    const dir = machines.path('packages', 'nothing')
    write(join(dir, 'package.json'), JSON.stringify({ name: '@acme/nothing', version: '1.0.0' }))
    const { status, stderr } = await cli(['plugins', 'install', tarball(dir)])
    expect(status).toBe(0)
    expect(stderr).toContain('Warning: @acme/nothing holds neither commands nor a plugin')
    await ok(['plugins', 'uninstall', '@acme/nothing'])
  })
})

test('plugins update goes to the newest version that was allowed', async () => {
  expect(await ok(['plugins', 'update'])).toBe('all plugins are up to date\n')
  await ok(['plugins', 'install', '@acme/p2p-both'])
  expect(await ok(['both', 'version'])).toBe('both 1.1.0\n')
  registry.publish(checker('@acme/p2p-both', '1.2.0'))
  expect(await ok(['plugins', 'update'])).toContain('updated @acme/p2p-both 1.1.0 → 1.2.0')
  const broken = checker('@acme/p2p-both', '1.3.0')
  write(join(broken, 'index.js'), "throw new Error('boom')")
  registry.publish(broken)
  const { stderr } = await cli(['plugins', 'update'])
  expect(stderr).toMatch(/^Error PLUGIN_IMPORT: @acme\/p2p-both cannot be imported: boom/)
  expect(await ok(['both', 'version'])).toBe('both 1.2.0\n')
})

test('plugins uninstall takes it out, and warns while daemon.yaml names it', async () => {
  const { stdout, stderr } = await cli(['plugins', 'uninstall', '@acme/p2p-both'])
  expect(stdout).toBe('uninstalled @acme/p2p-both\n')
  expect(stderr).toMatch(/^Warning: .*daemon\.yaml still names @acme\/p2p-both/)
  expect(await cli(['both', 'version'])).toMatchObject({ status: 2 })
  expect(await installed()).toEqual([
    ['@acme/p2p-alone', '1.0.1', 'tarball acme-p2p-alone-1.0.1.tgz'],
  ])
})

test('plugins link uses a folder that has no core of its own', async () => {
  const dir = checker('@acme/p2p-folder', '1.0.0')
  const report = await okJson<Report>([['plugins', 'link', dir], { env: NO_REGISTRY }])
  expect(report).toMatchObject({ plugins: [{ kind: 'health-checker', name: 'folder' }] })
  expect(await ok(['plugins', 'unlink', dir])).toContain('uninstalled @acme/p2p-folder')
})

const whyNoMount = process.getuid?.() === 0 ? undefined : 'a file system of its own needs root'
if (whyNoMount !== undefined)
  process.stdout.write(`plugins-install.test: left out, ${whyNoMount}\n`)

test.skipIf(whyNoMount !== undefined)('a full disk leaves nothing behind', async () => {
  const home = machines.path('small')
  mkdirSync(home)
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'p2pp-test', home])
  try {
    const dir = checker('@acme/p2p-big', '1.0.0')
    writeFileSync(join(dir, 'payload'), randomBytes(4 * 1024 * 1024))
    const { stderr } = await runCli(['plugins', 'install', tarball(dir)], { home })
    expect(stderr).toMatch(/^Error STATE_DISK: there is no room/)
    expect((await runCli(['plugins'], { home })).stdout).toBe('No plugins are installed.\n')
  } finally {
    spawnSync('umount', ['-l', home])
  }
})

/** What npm and oclif know of plugins. */
function manifestText(): string[] {
  const dir = join(machine.home, 'oclif')
  return ['package.json', 'package-lock.json'].map((name) => readFileSync(join(dir, name), 'utf8'))
}
