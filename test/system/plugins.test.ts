import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cliJson, cliOk } from '../harness/command.js'
import { LOOPBACK, Machines, apps, edit, startDaemon, writeApp } from '../harness/machines.js'
import { definition, installPackages, writePackage } from '../harness/plugin-packages.js'
import { isAlive, until } from '../harness/processes.js'
import { runCli } from '../cli/run-cli.js'

/** A daemon whose plugins do what they should not, after it has started. */
const machines = new Machines()
const one = machines.machine('one')

interface Plugin {
  readonly package: string
  readonly version: string
  readonly kind: string
  readonly name: string
}

interface Line {
  readonly line: string
  readonly event?: string
}

const lines = async (...args: readonly string[]): Promise<string[]> => {
  const text = (await cliOk(one, 'logs', ...args, '--json')).trim()
  return text === '' ? [] : text.split('\n').map((line) => (JSON.parse(line) as Line).line)
}

/** From the files, so that what was written after the daemon answered no more is seen too. */
function daemonLog(): string {
  const dir = join(one.home, 'logs')
  const files = readdirSync(dir).filter((name) => /^daemon-\d+\.log$/.test(name))
  return files.map((name) => readFileSync(join(dir, name), 'utf8')).join('')
}

beforeAll(async () => {
  await cliOk(one, 'init', '--name', 'one', ...LOOPBACK)
  installPackages(one.home, [
    {
      name: '@acme/p2p-sick',
      version: '1.2.0',
      files: {
        'index.js': `import { connect } from 'node:net'
          export default [
            ${definition('health-checker', 'nonsense', "check: async () => 'fine'")},
            ${definition('health-checker', 'thrower', "check() { throw new Error('no luck') }")},
            ${definition('discovery', 'fails', "watch() { throw new Error('lost my way') }")},
            ${definition('discovery', 'hangs', 'async *watch() { await new Promise(() => {}) }')},
            ${definition(
              'log-sink',
              'strays',
              `open: async () => {
                setInterval(() => { throw new Error('from a timer') }, 50)
                setTimeout(() => { void Promise.reject('a text') }, 50)
                connect(1, '127.0.0.1')
              }`,
            )},
            ${definition('log-sink', 'clings', 'close: () => new Promise(() => {})')},
          ]`,
      },
    },
    {
      name: '@acme/p2p-scout',
      version: '2.0.0',
      files: {
        'index.js': `import { writeFileSync } from 'node:fs'
          import { join } from 'node:path'
          export default ${definition(
            'discovery',
            'scout',
            `async *watch() {},
            close: async () => writeFileSync(join(context.dataDir, 'closed'), '')`,
          )}`,
      },
    },
    {
      name: 'late',
      files: {
        'index.js': `export default ${definition('log-sink', 'late', "open: async () => { throw new Error('no server') }")}`,
      },
    },
  ])
  edit(
    one,
    'daemon.yaml',
    (text) => `${text}
plugins:
  - '@acme/p2p-scout'
  - '@acme/p2p-sick'
  - { use: late, optional: true }
`,
  )
  await startDaemon(one)
})

afterAll(async () => {
  await machines.remove()
})

test('it says which plugins it has, with package, version and kind', async () => {
  const { plugins } = await cliJson<{ plugins: Plugin[] }>(one, 'daemon', 'status')
  expect(plugins).toContainEqual({
    package: '@acme/p2p-scout',
    version: '2.0.0',
    kind: 'discovery',
    name: 'scout',
  })
  expect(plugins.map(({ name }) => name)).not.toContain('late')
  const info = await cliJson<{ plugins: Plugin[] }>(one, 'node', 'info', 'one')
  expect(info.plugins).toEqual(plugins)
  expect(await cliOk(one, 'node', 'info', 'one')).toMatch(
    /^plugin {4}@acme\/p2p-scout 2\.0\.0: discovery scout$/m,
  )
})

test('an optional one that does not start is left out, and told of', async () => {
  const told = 'late is left out: '
  expect((await lines('--kind', 'event')).some((line) => line.includes(told))).toBe(true)
  expect(daemonLog()).toContain('does not start: no server')
})

test('what a plugin throws where nobody can catch it is logged with its name, and ends nothing', async () => {
  const { pid } = await cliJson<{ pid: number }>(one, 'daemon', 'status')
  await until('it was told of', () => daemonLog().includes('plugin-stray-error'))
  expect(daemonLog()).toMatch(/plugin-stray-error.*@acme\/p2p-sick.*1\.2\.0/)
  const event = 'plugin @acme/p2p-sick 1.2.0 threw where nobody could catch it: '
  const events = await lines('--kind', 'event')
  expect(events.filter((line) => line.includes(event))).toHaveLength(1)
  expect(isAlive(pid)).toBe(true)
})

test('a discovery that fails is asked again and named', async () => {
  const told =
    'discovery fails failed and is asked again: discovery "fails" (@acme/p2p-sick 1.2.0) failed: lost my way'
  expect((await lines('--kind', 'event')).some((line) => line.includes(told))).toBe(true)
  await until('it was asked again', () => (daemonLog().match(/discovery-failed/g) ?? []).length > 1)
})

test.each([
  ['nonsense', 'health-checker "nonsense" (@acme/p2p-sick 1.2.0) failed: its check gave no result'],
  ['thrower', 'health-checker "thrower" (@acme/p2p-sick 1.2.0) failed: no luck'],
])('an app whose check is %s is unhealthy, and says whose fault it is', async (type, reason) => {
  const manifest = `health_check: { type: ${type}, interval: 100ms, retries: 1 }\nrestart: { policy: never }\n`
  const dir = writeApp(machines.base, { name: `by-${type}`, manifest })
  await cliOk(one, 'deploy', dir, '--no-wait')
  await until('it is found out', async () => {
    const row = (await apps(one)).find(({ app }) => app === `by-${type}`)
    return row?.reason.includes(reason) === true
  })
})

test('a fault of the daemon itself ends it as ever', async () => {
  const other = machines.machine('other')
  await cliOk(other, 'init', '--name', 'other', ...LOOPBACK)
  const now = join(machines.base, 'now')
  const preload = join(machines.base, 'fault.mjs')
  writeFileSync(
    preload,
    `import { existsSync } from 'node:fs'
    if (process.argv[1]?.endsWith('daemon.mjs'))
      setInterval(() => { if (existsSync('${now}')) throw new TypeError('a real bug') }, 50)`,
  )
  const { stdout } = await runCli(['daemon', 'start', '--json'], {
    home: other.home,
    env: { NODE_OPTIONS: `--import ${preload}` },
  })
  const { pid } = JSON.parse(stdout) as { pid: number }
  writeFileSync(now, '')
  await until('it has ended', () => !isAlive(pid))
  expect(readFileSync(join(other.home, 'run', 'daemon.err'), 'utf8')).toContain(
    'TypeError: a real bug',
  )
})

test('one whose close hangs is named, and does not keep the others from closing', async () => {
  const { pid } = await cliJson<{ pid: number }>(one, 'daemon', 'status')
  await cliOk(one, 'daemon', 'stop')
  await until('it is gone', () => !isAlive(pid))
  expect(daemonLog()).toMatch(
    /plugin-close-failed.*@acme\/p2p-sick.*1\.2\.0.*it has not closed within 5s/,
  )
  expect(readFileSync(join(one.home, 'state/plugins/discovery/scout/closed'), 'utf8')).toBe('')
})

test('one package brings commands and plugins', async () => {
  const dir = join(machines.base, 'both')
  writePackage(dir, {
    name: 'both',
    manifest: { oclif: { commands: './commands' } },
    files: {
      'index.js': `export default ${definition('health-checker', 'both')}`,
      'commands/greet.js':
        "export default class { static id = 'greet'\n static async run() { console.log('hi') } }",
    },
  })
  await cliOk(one, 'plugins', 'link', dir, '--no-install')
  expect(await cliOk(one, 'greet')).toBe('hi\n')
  edit(one, 'daemon.yaml', (text) => text.replace("'@acme/p2p-sick'", 'both'))
  await startDaemon(one)
  const { plugins } = await cliJson<{ plugins: Plugin[] }>(one, 'daemon', 'status')
  expect(plugins).toContainEqual({
    package: 'both',
    version: '1.0.0',
    kind: 'health-checker',
    name: 'both',
  })
})
