import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { BROKEN_PLUGINS } from '../../packages/daemon/src/plugins/broken-plugins.test.support.js'
import {
  installBroken,
  messageOf,
} from '../../packages/daemon/src/plugins/broken-plugin.test.support.js'
import type { BrokenPlugin } from '../../packages/daemon/src/plugins/broken-plugin.test.support.js'
import { definition, installPackages } from '../harness/plugin-packages.js'
import { homeOfEachTest, makeHome, runCli } from './run-cli.js'

interface Finding {
  readonly package: string
  readonly version: string | null
  readonly root: string | null
  readonly origin: string | null
  readonly builtIn: boolean
  readonly named: { readonly line: number } | null
  readonly commands: boolean
  readonly plugins: readonly { kind: string; name: string; api: string }[]
  readonly result: string
  readonly notes: readonly string[]
  readonly error: { code: string; message: string; hint?: string } | null
}

interface Findings {
  readonly plugins: readonly Finding[]
  readonly missing: readonly { message: string }[]
}

const home = homeOfEachTest()
const { cli } = home

function configure(...lines: string[]): void {
  const path = join(home.path, 'daemon.yaml')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${lines.join('\n')}\n`)
}

/** `plugins doctor`, which leaves nothing behind, however the plugins end. */
async function doctor(status: number, ...args: string[]): Promise<Findings> {
  const tmp = home.inHome('tmp')
  mkdirSync(tmp, { recursive: true })
  const env = { TMPDIR: tmp }
  const result = await runCli(['plugins', 'doctor', '--json', ...args], { home: home.path, env })
  expect(readdirSync(tmp)).toEqual([])
  expect(result).toMatchObject({ status, stderr: '' })
  return JSON.parse(result.stdout) as Findings
}

const of = ({ plugins }: Findings, name: string): Finding | undefined =>
  plugins.find((one) => one.package === name)

function only(wanted: string): BrokenPlugin {
  const found = BROKEN_PLUGINS.find(({ what }) => what === wanted)
  if (found === undefined) throw new Error(`there is no plugin that ${wanted}`)
  return found
}

/** Enough of them; that each has its message is tested beside the loader. */
const CHOSEN: readonly string[] = [
  'is not there',
  'has a package.json that is no JSON',
  'throws when it is imported',
  'has no default export',
  'is given several things that are wrong',
  'has the name of another one',
]

test('a plugin that is broken keeps the daemon from starting, and doctor says the same words', async () => {
  const chosen = BROKEN_PLUGINS.filter(({ what }) => CHOSEN.includes(what))
  expect(chosen).toHaveLength(CHOSEN.length)
  const look = async (broken: BrokenPlugin): Promise<void> => {
    const { path, remove } = makeHome()
    const file = join(path, 'daemon.yaml')
    writeFileSync(file, installBroken(broken, join(path, 'plugins')))
    const [start, told] = await Promise.all([
      runCli(['daemon', 'start'], { home: path }),
      runCli(['plugins', 'doctor', '--json'], { home: path }),
    ])
    remove()
    const { plugins } = JSON.parse(told.stdout) as Findings
    const bad = plugins.filter(({ result }) => result === 'fail')
    if (broken.step === 'open') {
      // Doctor starts nothing.
      expect([told.status, bad], broken.what).toEqual([0, []])
      expect(start.stderr, broken.what).toMatch(new RegExp(`^Error ${broken.code}: `))
      const message = start.stderr.split('\n')[0]?.slice(`Error ${broken.code}: `.length)
      expect(message, broken.what).toMatch(messageOf(broken, file))
      expect(start.status, broken.what).toBe(1)
      return
    }
    const { code, message = '', hint = '' } = bad[0]?.error ?? {}
    expect([told.status, bad.length, code], broken.what).toEqual([1, 1, broken.code])
    expect(message, broken.what).toMatch(messageOf(broken, file))
    expect(start.stderr, broken.what).toBe(`Error ${broken.code}: ${message}\n${hint}\n`)
    expect(start.status, broken.what).toBe(2)
  }
  // The one that takes its whole limit waits beside the others.
  const hanging = look(only('hangs when it is started'))
  for (const broken of chosen) await look(broken)
  await hanging
})

test('one that takes the process with it is named, and the others are looked at all the same', async () => {
  installPackages(home.path, [
    { name: 'leaves', files: { 'index.js': 'process.exit(0)' } },
    { name: 'blocks', files: { 'index.js': 'for (;;);' } },
    { name: 'crashes', files: { 'index.js': 'process.abort()' } },
    {
      name: 'shouts',
      files: {
        'index.js': `console.log('hi')\nexport default ${definition('log-sink', 'shouts')}`,
      },
    },
    {
      name: 'strays',
      files: {
        'index.js': `setTimeout(() => { throw new Error('stray') }); Promise.reject('stray')
        await new Promise((resolve) => setTimeout(resolve, 20))
        export default ${definition('log-sink', 'strays')}`,
      },
    },
  ])
  const use = (name: string): string => `  - { use: ${name}, optional: true }`
  configure('plugins:', ...['leaves', 'blocks', 'crashes', 'shouts', 'strays'].map(use))
  const findings = await doctor(1, '--step-timeout', '1s')
  const told = findings.plugins
    .slice(4)
    .map(({ package: name, result, error }) => [
      name,
      result,
      error?.message.replace(/^\S+daemon\.yaml:/, '') ?? '',
    ])
  expect(told).toEqual([
    ['leaves', 'fail', '2:5: leaves takes the process with it: exit 0'],
    ['blocks', 'fail', '3:5: blocks takes the process with it: it blocks, for more than 3s'],
    [
      'crashes',
      'fail',
      expect.stringMatching(/^4:5: crashes takes the process with it: killed by SIG/),
    ],
    ['shouts', 'ok', ''],
    ['strays', 'ok', ''],
  ])
})

test('it says what is found, from where, and what nobody uses', async () => {
  installPackages(home.path, [
    {
      name: 'sinks',
      files: {
        'index.js': `export default [${definition('log-sink', 'used')}, ${definition('log-sink', 'idle')}]`,
      },
    },
    {
      name: 'forgotten',
      version: '2.0.0',
      files: { 'index.js': `export default ${definition('discovery', 'forgotten')}` },
    },
    {
      name: 'words',
      manifest: { exports: undefined, oclif: { commands: './commands' } },
      files: {},
    },
  ])
  configure(
    'logging: { sinks: [used, nowhere] }',
    'runtime: { default: podman }',
    'plugins: [sinks]',
  )
  const findings = await doctor(0)
  expect(of(findings, '@p2p-playground/health-http')).toMatchObject({
    builtIn: true,
    origin: 'dependency',
    named: null,
    plugins: [{ kind: 'health-checker', name: 'http', api: '1.0' }],
  })
  expect(of(findings, 'sinks')).toMatchObject({
    version: '1.0.0',
    origin: 'installed',
    root: join(home.path, 'plugins/node_modules/sinks'),
    named: { line: 3 },
    result: 'ok',
    notes: ['no log goes to "idle": logging.sinks does not name it'],
  })
  expect(of(findings, 'forgotten')).toMatchObject({
    version: '2.0.0',
    named: null,
    result: 'ok',
    notes: ['installed, and not named in daemon.yaml'],
  })
  expect(of(findings, 'words')).toMatchObject({
    commands: true,
    plugins: [],
    notes: ['brings commands only'],
  })
  expect(findings.missing.map(({ message }) => message.replace(/^\S+daemon\.yaml:/, ''))).toEqual([
    '1:26: logging.sinks names "nowhere", which no plugin brings',
    '2:12: runtime.default is "podman", which no plugin brings',
  ])
  const { stdout } = await cli('plugins', 'doctor')
  expect(stdout).toMatch(
    /^ok +forgotten +2\.0\.0 +discovery forgotten +1\.0 +installed .*not named in daemon\.yaml$/m,
  )
  expect(stdout).toMatch(/^Warning: \S+daemon\.yaml:2:12: runtime\.default is "podman"/m)
})

test('what is installed and not named lacks no config, and inspect says what it shows then', async () => {
  const js = definition('health-checker', 'remote').replace(
    'validate: (value) => ({ value })',
    "validate: () => ({ issues: [{ message: 'url is missing' }] })",
  )
  installPackages(home.path, [{ name: 'remote', files: { 'index.js': `export default ${js}` } }])
  configure('node: { name: x }')
  expect(of(await doctor(0), 'remote')).toMatchObject({
    result: 'ok',
    error: null,
    notes: ['installed, and not named in daemon.yaml'],
  })
  const { stdout, stderr } = await cli('plugins', 'inspect', 'remote')
  expect(stdout).toContain(
    'health_check in manifest.yaml: not known as long as the plugin cannot be made\n',
  )
  expect(stderr).toMatch(/^Warning: config of remote 1\.0\.0: url is missing\n$/)
  configure('plugins: [remote]')
  expect(of(await doctor(1), 'remote')).toMatchObject({
    result: 'fail',
    error: { code: 'PLUGIN_CONFIG' },
  })
})

test('all problems of a config are told to programs too', async () => {
  const { path } = home
  writeFileSync(
    join(path, 'daemon.yaml'),
    installBroken(only('is given several things that are wrong'), join(path, 'plugins')),
  )
  const { stdout } = await cli('daemon', 'start', '--json')
  const { error } = JSON.parse(stdout) as {
    error: { details: { problems: { message: string; line: number }[] } }
  }
  expect(error.details.problems.map(({ line }) => line)).toEqual([3, 4, 5, 6])
})

test.each([
  ['daemon.yaml', 'plugins: {}', 'CONFIG_INVALID'],
  ['plugins/package.json', '{', 'PLUGIN_IMPORT'],
])('a broken %s is told of', async (file, text, code) => {
  const path = join(home.path, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  for (const command of [['doctor'], ['inspect', 'http']]) {
    const { status, stderr } = await cli('plugins', ...command)
    expect(stderr).toMatch(new RegExp(`^Error ${code}: ${path}`))
    expect(status).toBe(2)
  }
})

test('help shows these beside the commands that install plugins', async () => {
  const { stdout } = await cli('plugins', '--help')
  for (const command of ['doctor', 'inspect', 'install', 'link', 'uninstall'])
    expect(stdout).toMatch(new RegExp(`^ {2}plugins ${command} `, 'm'))
  expect((await cli('plugins', 'inspect', '--help')).stdout).toContain('its keys, their types')
})
