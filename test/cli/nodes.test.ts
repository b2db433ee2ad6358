import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk, follow } from '../harness/command.js'
import { LOOPBACK, Machines, apps, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import type { DaemonStatus } from '../harness/machines.js'
import { isAlive } from '../harness/processes.js'
import { runCli } from './run-cli.js'

/** What the commands say to people and to scripts, over real daemons. */
const machines = new Machines()
const one = machines.machine('one')
const two = machines.machine('two')
let first: DaemonStatus

beforeAll(async () => {
  const [status] = await startFleet([one, two])
  if (status === undefined) throw new Error('no daemon')
  first = status
  const talker = { name: 'talker', script: 'echo "hello from $$"\nexec sleep 600' }
  await cliOk(one, 'deploy', writeApp(machines.base, talker))
})

afterAll(async () => {
  await machines.remove()
})

/** A new daemon listens on another port. */
async function startTwo(): Promise<void> {
  const { addresses } = await startDaemon(two)
  await cliOk(one, 'node', 'add', addresses[0] ?? '')
}

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

describe('app', () => {
  test('list is an array with node, app, version, state, pid and reason', async () => {
    const rows = await apps(one)
    expect(rows.map((row) => row.node).sort()).toEqual(['one', 'two'])
    for (const row of rows) {
      expect(row).toMatchObject({ app: 'talker', version: '1.0.0', state: 'running', reason: '' })
      expect(isAlive(row.pid ?? 0)).toBe(true)
    }
  })

  test('restart gives another pid, stop none, start brings it back', async () => {
    const [before] = await apps(one)
    await cliOk(one, 'app', 'restart', 'talker')
    expect(isAlive(before?.pid ?? 0)).toBe(false)
    await cliOk(one, 'app', 'stop', 'talker', '--node', 'one')
    const states = (await apps(one)).map((row) => `${row.node} ${row.state}`)
    expect(states.sort()).toEqual(['one stopped', 'two running'])
    expect(await cliOk(one, 'app', 'start', 'talker@1.0.0')).toMatch(
      /one +talker +1\.0\.0 +running/,
    )
  })

  test('versions and describe know it', async () => {
    const versions = await cliJson<object[]>(one, 'app', 'versions', 'talker')
    expect(versions).toHaveLength(2)
    expect(versions[0]).toMatchObject({ version: '1.0.0', active: true })
    const described = await cliOk(one, 'app', 'describe', 'talker', '--node', 'two')
    expect(described).toContain('talker@1.0.0 on two')
    expect(described).toContain('signed by  owner')
  })

  test('one that no node has is told of all of them, with where to look', async () => {
    for (const command of [
      ['app', 'stop', 'talkre'],
      ['app', 'describe', 'talkre'],
      ['logs', 'talkre'],
    ]) {
      const { code, stderr } = await cli(one, ...command)
      expect(stderr).toBe(
        'Error APP_NOT_FOUND: one: there is no app "talkre" on this node (and 1 more node)\n' +
          'Did you mean "talker"? See which there are with "p2p-playground app list".\n',
      )
      expect(code).toBe(1)
    }
    const { stdout } = await cli(one, 'app', 'stop', 'talkre', '--json')
    const hint = 'Did you mean "talker"? See which there are with "p2p-playground app list".'
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'APP_NOT_FOUND', hint, details: { failures: [{ hint }, { hint }] } },
    })
  })

  test('one that only some nodes have is no failure of the others', async () => {
    const app = writeApp(machines.base, { name: 'single' })
    await cliOk(one, 'deploy', app, '--nodes', 'two')
    for (const command of ['describe', 'versions', 'stop', 'start', 'restart']) {
      expect(await cli(one, 'app', command, 'single'), command).toMatchObject({
        code: 0,
        stderr: '',
      })
    }
    expect(await cli(one, 'logs', 'single')).toMatchObject({ code: 0, stderr: '' })
    const named = await cli(one, 'app', 'stop', 'single', '--nodes', 'one,two')
    expect(named.code).toBe(3)
    expect(named.stderr).toMatch(/^Warning: one: APP_NOT_FOUND: /)
    expect(await cli(one, 'app', 'remove', 'single')).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([
    ['app', 'start'],
    ['app', 'stop'],
    ['app', 'restart'],
    ['app', 'remove'],
    ['app', 'versions'],
    ['app', 'describe'],
    ['logs'],
  ])('%s %s of one that nobody has is APP_NOT_FOUND', async (...command) => {
    const { code, stderr, stdout } = await cli(one, ...command, 'nobody')
    expect(stderr).toMatch(/^Error APP_NOT_FOUND: /)
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })
})

describe('deploy', () => {
  test('away from a terminal says each phase once, then one row per node', async () => {
    const app = writeApp(machines.base, { name: 'phases' })
    const { code, stdout, stderr } = await cli(one, 'deploy', app)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^one: offer$/m)
    expect(stdout).toMatch(/^two +running/m)
    await cliOk(one, 'app', 'remove', 'phases')
  })

  test('says that only the start was waited for, where the app has no health check', async () => {
    const said = /^Only the start was waited for: .*health_check/m
    const app = (name: string, manifest = ''): string =>
      writeApp(machines.base, { name, script: 'exec sleep 600', manifest })
    const stderrOf = async (...words: string[]): Promise<string> =>
      (await cli(one, 'deploy', ...words)).stderr
    expect(await stderrOf(app('plain'))).toMatch(said)
    expect(await stderrOf(app('plain'), '--no-wait')).not.toMatch(said)
    expect(await stderrOf(app('plain'), '--json')).toBe('')
    expect(await stderrOf(app('checked', 'health_check: { type: process }\n'))).not.toMatch(said)
    for (const name of ['plain', 'checked']) await cliOk(one, 'app', 'remove', name)
  })

  test('--json gives one object per node', async () => {
    const app = writeApp(machines.base, { name: 'objects' })
    const results = await cliJson<object[]>(one, 'deploy', app)
    expect(results).toHaveLength(2)
    expect(results[0]).toMatchObject({ phase: 'done', state: 'running', failure: null })
    await cliOk(one, 'app', 'remove', 'objects')
  })

  test('the same version with other content is refused with 6', async () => {
    const app = writeApp(machines.base, { name: 'talker', script: 'exec sleep 1' })
    const { code, stderr } = await cli(one, 'deploy', app)
    expect(stderr).toMatch(/^Error APP_VERSION_EXISTS: /m)
    expect(code).toBe(6)
  })

  test('a package that nobody trusts is refused with 6', async () => {
    const stranger = machines.path('stranger')
    const file = machines.path('strange.p2p')
    await cliOk(one, 'keygen', '--out', stranger)
    const app = writeApp(machines.base, { name: 'strange' })
    await cliOk(one, 'pack', app, '--key', join(stranger, 'signing.key'), '--out', file)
    const { code, stderr } = await cli(one, 'deploy', file)
    expect(stderr).toMatch(/^Error SIGNATURE_INVALID: /m)
    expect(code).toBe(6)
  })

  // A large one is read by a thread of its own, whose errors must look no different.
  test.each([1000, 20_000_000])('%i bytes that are no package are refused with 6', async (size) => {
    const file = machines.path('none.p2p')
    writeFileSync(file, Buffer.alloc(size, 'no package'))
    const { code, stderr } = await cli(one, 'deploy', file)
    expect(stderr).toMatch(/^Error BUNDLE_OUTER: this is no \.p2p package/m)
    expect(stderr).toContain('p2p-playground pack DIR')
    expect(code).toBe(6)
  })

  test('an app that is not healthy in time ends with 5', async () => {
    const app = writeApp(machines.base, {
      name: 'deaf',
      manifest:
        'ports: { web: 0 }\nhealth_check: { type: tcp, address: "127.0.0.1:${port.web}", start_period: 1h }\n',
    })
    const { code, stderr } = await cli(one, 'deploy', app, '--timeout', '2s')
    expect(stderr).toMatch(/^Error APP_WAIT_TIMEOUT: /m)
    expect(code).toBe(5)
    await cliOk(one, 'app', 'remove', 'deaf')
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
