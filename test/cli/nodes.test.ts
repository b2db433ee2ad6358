import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk, follow } from '../harness/command.js'
import { LOOPBACK, apps, writeApp } from '../harness/machines.js'
import type { DaemonStatus } from '../harness/machines.js'
import { isAlive } from '../harness/processes.js'
import { runCli } from './run-cli.js'
import { machines, one, startBoth, startTwo, two } from './two-nodes.test.support.js'

/** What the commands about nodes say to people and to scripts, over real daemons. */
let first: DaemonStatus

beforeAll(async () => {
  first = await startBoth()
})

afterAll(async () => {
  await machines.remove()
})

describe('daemon', () => {
  test('start says so when nobody can command the node', async () => {
    const bare = machines.machine('bare')
    mkdirSync(bare.home)
    const p2p = 'p2p: { listen_addresses: [/ip4/127.0.0.1/tcp/0], enable_mdns: false }\n'
    writeFileSync(join(bare.home, 'daemon.yaml'), p2p, { mode: 0o600 })
    const { code, stderr } = await cli(bare, 'daemon', 'start')
    expect(stderr).toBe(
      'Warning: this node trusts no key, so that nobody can deploy to it: see "p2p-playground init" and "join", or security.trusted_public_keys in daemon.yaml\n',
    )
    expect(code).toBe(0)
    await cliOk(bare, 'daemon', 'stop')
  })

  test('status has pid and peerId', async () => {
    const status = await cliJson<DaemonStatus>(one, 'daemon', 'status')
    expect(status).toMatchObject({ running: true, name: 'one', peerId: first.peerId })
    expect(isAlive(status.pid)).toBe(true)
    const shown = await cliOk(one, 'daemon', 'status')
    expect(shown).toMatch(/^one has run for \d+[smh], pid /)
    expect(shown).toContain(first.peerId)
    const line = /^ok +daemon .*$/m.exec(await cliOk(one, 'doctor'))?.[0].trim()
    expect(line).toMatch(new RegExp(`pid ${String(status.pid)}, /ip4/127\\.0\\.0\\.1/tcp/\\d+$`))
  })

  test('start says that one runs, with its pid', async () => {
    const { code, stderr } = await cli(one, 'daemon', 'start')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error NODE_DAEMON_RUNNING: /)
    expect(stderr).toContain(String(first.pid))
  })

  test('start shows what kept it from starting, with its code and place', async () => {
    const broken = machines.machine('broken')
    await cliOk(broken, 'init', ...LOOPBACK)
    const path = join(broken.home, 'daemon.yaml')
    writeFileSync(path, 'plugins: ["@nobody/no-such-plugin"]\n', { mode: 0o600 })
    const { code, stderr } = await cli(broken, 'daemon', 'start')
    expect(stderr).toMatch(/^Error PLUGIN_NOT_FOUND: /)
    expect(stderr).toContain(`${path}:1:`)
    expect(code).toBe(2)
  })

  test('start --foreground runs until SIGTERM and ends with 0', async () => {
    const front = machines.machine('front')
    await cliOk(front, 'init', ...LOOPBACK)
    const running = follow(front, 'daemon', 'start', '--foreground')
    await running.until(/ready/)
    const { pid } = await cliJson<DaemonStatus>(front, 'daemon', 'status')
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
    expect(isAlive(pid)).toBe(false)
  })

  test('a relative --home means the same place to the daemon', async () => {
    const near = machines.machine('near')
    const flags = ['--home', relative(machines.base, near.home)]
    const run = (...args: string[]) => runCli([...args, ...flags], { cwd: machines.base })
    expect(await run('init', ...LOOPBACK)).toMatchObject({ status: 0 })
    expect(await run('daemon', 'start')).toMatchObject({ status: 0 })
    const status = await cliJson<DaemonStatus>(near, 'daemon', 'status')
    expect(await run('daemon', 'stop')).toMatchObject({ status: 0 })
    expect(isAlive(status.pid)).toBe(false)
  })

  test('stop leaves the apps running; start takes them over', async () => {
    const [before] = (await apps(one)).filter((row) => row.node === 'two')
    const { pid } = await cliJson<DaemonStatus>(two, 'daemon', 'status')
    await cliOk(two, 'daemon', 'stop')
    expect(isAlive(pid)).toBe(false)
    expect(isAlive(before?.pid ?? 0)).toBe(true)
    await startTwo()
  })
})

describe('node', () => {
  test('list and info know both', async () => {
    const nodes = await cliJson<{ name: string; state: string }[]>(one, 'node', 'list')
    expect(nodes.map(({ name, state }) => `${name} ${state}`).sort()).toEqual(['one up', 'two up'])
    expect(await cliOk(one, 'node', 'list')).toMatch(/^NODE +STATE/)
    expect(await cliJson(one, 'node', 'info', 'two')).toMatchObject({ name: 'two' })
    expect(await cliOk(one, 'node', 'info', 'two')).toContain('runtime   process')
  })

  test('list --watch --json is one list a line, until Ctrl-C', async () => {
    const watching = follow(one, 'node', 'list', '--watch', '--json')
    await watching.until(/\n.*\n/)
    watching.child.kill('SIGINT')
    expect(await watching.ended).toBe(0)
    for (const line of watching.text().trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject([{ state: 'up' }, { state: 'up' }])
  })

  test('a name that nobody has gets a did-you-mean', async () => {
    const { code, stderr } = await cli(one, 'node', 'info', 'twoo')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error NODE_NOT_FOUND: /)
    expect(stderr).toContain('Did you mean "two"?')
  })

  test('a PeerID prefix that several have is refused', async () => {
    const { code, stderr } = await cli(one, 'node', 'info', first.peerId.slice(0, 8))
    expect(stderr).toMatch(/^Error USAGE: "12D3KooW" means several nodes: /)
    expect(code).toBe(2)
  })

  test('an address where nobody listens is unreachable', async () => {
    const nobody = `/ip4/127.0.0.1/tcp/1/p2p/${first.peerId.slice(0, -1)}`
    const dead = `/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN`
    expect(await cli(one, 'node', 'add', dead)).toMatchObject({ code: 1 })
    expect(await cli(one, 'node', 'add', nobody)).toMatchObject({ code: 2 })
  })
})

describe('a daemon that is down', () => {
  test('is a warning and exit 3 beside others, an error and exit 1 alone', async () => {
    await cliOk(two, 'daemon', 'stop')
    const beside = await cli(one, 'app', 'list', '--json')
    expect(beside.code).toBe(3)
    expect(beside.stderr).toMatch(/^Warning: two: NODE_UNREACHABLE: /)
    expect(JSON.parse(beside.stdout)).toMatchObject([{ node: 'one' }])
    const alone = await cli(one, 'app', 'list', '--node', 'two')
    expect(alone.code).toBe(1)
    expect(alone.stderr.match(/^Error NODE_UNREACHABLE: /gm)).toHaveLength(1)
    expect(alone.stderr.match(/12D3KooW/g)).toHaveLength(1)
    expect(await cliOk(one, 'node', 'list')).toMatch(/^two +down/m)
    await startTwo()
  })

  test('and no other known: one clear message', async () => {
    const lonely = machines.machine('lonely')
    await cliOk(lonely, 'init', ...LOOPBACK)
    for (const command of [
      ['app', 'list'],
      ['node', 'list'],
      ['logs', 'x'],
      ['deploy', writeApp(machines.base, { name: 'x' })],
    ]) {
      const { code, stdout, stderr } = await cli(lonely, ...command)
      expect(stderr).toMatch(/^Error NODE_NONE: /)
      expect(stdout).toBe('')
      expect(code).toBe(1)
    }
  })
})
