import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN } from '../harness/command.js'
import { makeHome, runCli } from './run-cli.js'

let home: ReturnType<typeof makeHome>
beforeAll(() => {
  home = makeHome()
})
afterAll(() => {
  home.remove()
})

const MANIFEST = join(import.meta.dirname, '../../packages/cli/oclif.manifest.json')
const { commands } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { commands: object }
/** All of ours, as they are typed. */
const COMMANDS = Object.keys(commands).map((id) => id.replaceAll(':', ' '))

describe('help', () => {
  test('of the whole names every command or its topic', async () => {
    const { status, stdout } = await runCli(['--help'], { home: home.path })
    expect(status).toBe(0)
    for (const command of COMMANDS) expect(stdout).toContain(command.split(' ')[0])
  })

  test.each(COMMANDS)('of "%s" has a usage line and an example', async (command) => {
    const { status, stdout } = await runCli([...command.split(' '), '--help'], { home: home.path })
    expect(status).toBe(0)
    expect(stdout).toMatch(/USAGE/)
    expect(stdout).toContain(`p2p-playground ${command}`)
    expect(stdout).toMatch(/EXAMPLES/)
  })

  test.each([
    { command: 'app remove', says: 'without a version all of them' },
    { command: 'app upgrade', says: 'without a version the one that waits for its turn' },
    { command: 'app tag', says: 'without a version the active one gets the tag' },
    { command: 'app stop', says: 'without a version the active one.' },
    { command: 'app start', says: '--[no-]wait Wait until it is healthy' },
    { command: 'join', says: 'EXAMPLES $ ssh first p2p-playground invite | p2p-playground join -' },
    { command: 'run', says: 'Limit of the deployment; following goes on until Ctrl-C.' },
  ])('of "$command" says "$says"', async ({ command, says }) => {
    const { stdout } = await runCli([...command.split(' '), '--help'], { home: home.path })
    expect(stdout.replace(/\s+/g, ' ')).toContain(says)
  })

  test.each([[[]], [['app']], [['app', 'list']]])('of %j comes with -h too', async (words) => {
    const [short, long] = await Promise.all(
      ['-h', '--help'].map(async (flag) => runCli([...words, flag], { home: home.path })),
    )
    expect(short).toMatchObject({ status: 0, stderr: '', stdout: long?.stdout })
  })

  test('comes quickly, even when an older Node started it', async () => {
    const times: number[] = []
    for (let run = 0; run < 5; run += 1)
      times.push((await runCli(['--help'], { home: home.path })).tookMs)
    times.sort((a, b) => a - b)
    process.stdout.write(`help: median ${String(Math.round(times[2] ?? 0))} ms\n`)
    expect(times[0]).toBeLessThan(1000)
  })
})

describe('usage errors exit 2 with one message', () => {
  test.each([
    { name: 'unknown flag', args: ['pack', '.', '--otu', 'x'], says: '--otu' },
    { name: 'missing argument', args: ['verify'], says: /file/i },
    { name: 'surplus argument', args: ['psk', 'surplus'], says: 'surplus' },
    { name: 'unknown command', args: ['depoly'], says: 'deploy' },
    { name: 'unknown topic', args: ['ap', 'list'], says: '"app list"' },
    { name: 'unknown command of a topic', args: ['app', 'lst'], says: 'app list' },
    { name: 'word of another tool', args: ['app', 'delete', 'x'], says: 'mean "app remove"' },
    { name: 'value outside its list', args: ['keygen', '--type', 'dsa'], says: 'ed25519' },
    // Each of these would mean every node.
    { name: 'no node at all', args: ['app', 'stop', 'x', '--node', ''], says: '--node has an' },
    { name: 'no nodes at all', args: ['app', 'stop', 'x', '--nodes', ''], says: '--nodes has an' },
    { name: 'a comma for nodes', args: ['deploy', '.', '--nodes', ','], says: '--nodes has an' },
    { name: 'no app at all', args: ['app', 'list', ''], says: '"" names no app' },
    // Without one, this would mean all of them.
    { name: 'no version at all', args: ['app', 'remove', 'x@'], says: '"x@" names no version' },
    { name: 'no labels at all', args: ['app', 'stop', 'x', '--labels', ''], says: 'label' },
    {
      name: 'a version where all are meant',
      args: ['app', 'describe', 'x@1.0.0'],
      says: 'Leave the version away: x',
    },
    {
      name: 'flag without its value',
      args: ['app', 'list', '--node'],
      says: '--node needs a value',
    },
    { name: '--home without its value', args: ['app', 'list', '--home'], says: '--home needs a' },
    { name: 'number that is none', args: ['logs', 'x', '--tail', 'x'], says: 'a whole number' },
    { name: 'number with a part', args: ['logs', 'x', '--tail', '1.5'], says: 'a whole number' },
    { name: 'number below its least', args: ['logs', 'x', '--tail', '-1'], says: 'at least 0' },
    { name: 'help of no command', args: ['foo', '--help'], says: 'no command "foo"' },
    { name: 'help before no command', args: ['help', 'foo'], says: 'no command "foo"' },
    { name: 'help of none of a topic', args: ['app', 'label', '--help'], says: '"app label"' },
    { name: 'help before none of a topic', args: ['help', 'app', 'foo'], says: '"app foo"' },
    {
      name: 'missing argument beside a flag that may be repeated',
      args: ['join'],
      says: /^Error USAGE: TOKEN is missing\nWhat "invite" printed, or - to read it from standard input\. See p2p-playground join --help\.\n$/,
    },
    {
      name: 'flags that exclude each other',
      args: ['logs', 'x', '--until', '5m', '-f'],
      says: /^Error USAGE: --follow cannot go with --until\nSee p2p-playground logs --help\.\n$/,
    },
    {
      name: 'flags that exclude each other, with a value',
      args: ['pack', 'd', '--no-sign', '-k', 'x'],
      says: 'Error USAGE: --key cannot go with --no-sign',
    },
    { name: 'address that is none', args: ['node', 'add', 'example.org'], says: 'example.org' },
  ])('$name', async ({ args, says }) => {
    const result = await runCli(args, { home: home.path })
    expect(result.status).toBe(2)
    expect(result.stderr).toMatch(says)
    expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
    expect(result.stdout).toBe('')
  })
})

describe('a value that cannot be parsed is told with its flag and what it takes', () => {
  const UNIT = 'Write a number with a unit: 250ms, 10s, 5m, 1h30m, 7d.'
  const SINCE = 'Write 10m, 2h, or 2026-01-31T12:00:00Z.'
  test.each([
    { line: 'app list --timeout soon', says: '--timeout: "soon" is not a duration', do: UNIT },
    { line: 'app start x --timeout 10', says: '--timeout: "10" is not a duration', do: UNIT },
    { line: 'deploy x.p2p --timeout soon', says: '--timeout: "soon" is not a duration', do: UNIT },
    { line: 'run . --timeout soon', says: '--timeout: "soon" is not a duration', do: UNIT },
    { line: 'daemon stop --timeout soon', says: '--timeout: "soon" is not a duration', do: UNIT },
    {
      line: 'plugins doctor --step-timeout 1min',
      says: '--step-timeout: "1min" is not a duration',
      do: UNIT,
    },
    {
      line: 'logs x --since then',
      says: '--since: "then" is neither a duration nor a time',
      do: SINCE,
    },
    {
      line: 'logs x --until now',
      says: '--until: "now" is neither a duration nor a time',
      do: SINCE,
    },
    {
      line: 'events --since then',
      says: '--since: "then" is neither a duration nor a time',
      do: SINCE,
    },
  ])('$line', async ({ line, says, do: hint }) => {
    const { status, stdout, stderr } = await runCli(line.split(' '), { home: home.path })
    expect(stderr).toBe(`Error USAGE: ${says}\n${hint}\n`)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })
})

test('with --json an error is one JSON object with code, message and hint', async () => {
  const result = await runCli(['inspect', 'none.p2p', '--json'], {
    home: home.path,
    cwd: home.path,
  })
  expect(result.status).toBe(2)
  const text = result.stdout.trim() === '' ? result.stderr : result.stdout
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'BUNDLE_NOT_FOUND' } })
})

test('with --json a usage error is USAGE too', async () => {
  const result = await runCli(['logs', 'x', '--tail', 'x', '--json'], { home: home.path })
  expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'USAGE' } })
  expect(result).toMatchObject({ status: 2, stderr: '' })
})

test('away from a terminal nothing is coloured', async () => {
  for (const args of [['--help'], ['doctor'], ['inspect', 'none.p2p']]) {
    const { stdout, stderr } = await runCli(args, { home: home.path })
    // eslint-disable-next-line no-control-regex -- colours are control characters
    expect(stdout + stderr).not.toMatch(/\x1b\[/)
  }
})

test('a reader that goes away early makes no noise', () => {
  const { stderr } = spawnSync('sh', ['-c', `"${BIN}" --help | head -n 1`], {
    encoding: 'utf8',
    env: { ...process.env, P2P_PLAYGROUND_HOME: home.path },
  })
  expect(stderr).toBe('')
})

test('--home means the same as P2P_PLAYGROUND_HOME', async () => {
  const other = makeHome()
  try {
    const file = join(other.path, 'daemon.yaml')
    writeFileSync(file, 'node: { name: from-flag }\n')
    const { stdout } = await runCli(['config', 'show', '--home', other.path], { home: home.path })
    expect(stdout).toContain('from-flag')
  } finally {
    other.remove()
  }
})

test('what is to be typed next means the home that --home named', async () => {
  const other = makeHome()
  const flag = ['--home', other.path]
  const cli = (...args: string[]): ReturnType<typeof runCli> => runCli([...args, ...flag])
  try {
    const init = await cli('init', '--no-mdns')
    expect(init.stdout).toMatch(/^Next: p2p-playground daemon start --home /m)
    expect(init.stdout).toContain(`daemon start --home ${other.path}\n`)
    const none = await cli('app', 'list')
    expect(none.stderr).toMatch(/^Error NODE_NONE: /)
    expect(none.stderr).toContain(`"p2p-playground daemon start --home ${other.path}"`)
    const json = await cli('app', 'list', '--json')
    expect(json.stdout).toContain(`p2p-playground daemon start --home ${other.path}`)
    const next = `"p2p-playground daemon start --home ${other.path}"`
    expect((await cli('daemon', 'status')).stdout).toContain(next)
    expect((await cli('doctor')).stdout).toContain(next)
    const dir = join(other.path, 'asked')
    mkdirSync(dir)
    writeFileSync(join(dir, 'package.json'), '{ "name": "asked", "version": "1.0.0" }')
    expect(await cli('plugins', 'link', dir, '--no-install')).toMatchObject({ status: 0 })
    expect((await cli('plugins', 'reset')).stderr).toContain(
      `"p2p-playground plugins reset --yes --home ${other.path}"`,
    )
    const env = await runCli(['daemon', 'status'], { home: other.path })
    expect(env.stdout).toContain('"p2p-playground daemon start"')
  } finally {
    other.remove()
  }
})

describe('without a daemon', () => {
  test('daemon status exits 1 and says running: false', async () => {
    const result = await runCli(['daemon', 'status', '--json'], { home: home.path })
    expect(result.status).toBe(1)
    expect(JSON.parse(result.stdout)).toMatchObject({ running: false })
  })

  test('a run file of a process that is gone does not count', async () => {
    const stale = makeHome()
    try {
      mkdirSync(join(stale.path, 'run'))
      const content = {
        pid: process.pid,
        startTicks: 1,
        bootId: 'another',
        peerId: 'x',
        name: 'x',
        version: '0',
        addresses: [],
        startedAtMs: 0,
      }
      writeFileSync(join(stale.path, 'run', 'daemon.json'), JSON.stringify(content))
      const result = await runCli(['daemon', 'status', '--json'], { home: stale.path })
      expect(result.status).toBe(1)
      expect(JSON.parse(result.stdout)).toMatchObject({ running: false })
    } finally {
      stale.remove()
    }
  })

  test('daemon stop is harmless', async () => {
    const result = await runCli(['daemon', 'stop'], { home: home.path })
    expect(result.status).toBe(0)
    expect(result.stdout + result.stderr).toMatch(/not running/)
  })
})
