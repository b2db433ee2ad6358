import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN, makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'
import { writeSampleApp } from './sample-app.js'

/** One machine from `init` to `remove`, as the walk-through in the README does it. */
let home: ReturnType<typeof makeHome>
let daemonPid: number

const cli = (...args: string[]): Promise<CliResult> =>
  runCli(args, { home: home.path, cwd: home.path })

async function json<Value>(...args: string[]): Promise<Value> {
  const result = await cli(...args, '--json')
  expect(result, result.stderr).toMatchObject({ status: 0 })
  return JSON.parse(result.stdout) as Value
}

interface Row {
  readonly node: string
  readonly app: string
  readonly version: string
  readonly state: string
  readonly pid: number | null
  readonly reason: string
}

beforeAll(async () => {
  home = makeHome()
  expect(await cli('init')).toMatchObject({ status: 0 })
  const started = await cli('daemon', 'start')
  expect(started, started.stderr).toMatchObject({ status: 0 })
  daemonPid = (await json<{ pid: number }>('daemon', 'status')).pid
})

afterAll(async () => {
  await cli('app', 'remove', 'hello')
  await cli('daemon', 'stop')
  expect(isAlive(daemonPid)).toBe(false)
  home.remove()
})

describe('the daemon', () => {
  test('status has pid and peerId', async () => {
    const status = await json<{ running: boolean; pid: number; peerId: string }>('daemon', 'status')
    expect(status).toMatchObject({ running: true })
    expect(isAlive(status.pid)).toBe(true)
    expect(status.peerId).toMatch(/^12D3Koo/)
  })

  test('a second start says that it runs, with its pid', async () => {
    const result = await cli('daemon', 'start')
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/^Error NODE_DAEMON_RUNNING: /m)
    expect(result.stderr).toContain(String(daemonPid))
  })

  test('a start that fails shows the reason and its code', async () => {
    const other = makeHome()
    try {
      writeFileSync(join(other.path, 'daemon.yaml'), 'plugins: ["@nobody/no-such-plugin"]\n')
      const result = await runCli(['daemon', 'start'], { home: other.path })
      expect(result.status).toBe(2)
      expect(result.stderr).toMatch(/^Error PLUGIN_NOT_FOUND: /m)
      expect(result.stderr).toContain('daemon.yaml:1:')
    } finally {
      other.remove()
    }
  })
})

describe('one app', () => {
  test('is packed, deployed and listed without flags', async () => {
    const app = writeSampleApp(join(home.path, 'hello'))
    expect(await cli('pack', app)).toMatchObject({ status: 0 })
    const deployed = await cli('deploy', 'hello-1.0.0.p2p')
    expect(deployed, deployed.stderr).toMatchObject({ status: 0 })
    const rows = await json<Row[]>('app', 'list')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ app: 'hello', version: '1.0.0', state: 'running', reason: '' })
    expect(isAlive(rows[0]?.pid ?? 0)).toBe(true)
    expect(rows[0]?.node).toBeTruthy()
  })

  test('shows its log by the plain form and as one JSON object per line', async () => {
    const plain = await cli('logs', 'hello')
    expect(plain.stdout).toMatch(/hello@1\.0\.0 stdout \| hello from \d+/)
    const lines = (await cli('logs', 'hello', '--json')).stdout.trim().split('\n')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ app: 'hello', stream: 'stdout', seq: 1 })
  })

  test('restart gives another pid, stop leaves none, start brings it back', async () => {
    const before = (await json<Row[]>('app', 'list'))[0]?.pid ?? 0
    expect(await cli('app', 'restart', 'hello')).toMatchObject({ status: 0 })
    expect(isAlive(before)).toBe(false)
    expect(await cli('app', 'stop', 'hello')).toMatchObject({ status: 0 })
    expect((await json<Row[]>('app', 'list'))[0]).toMatchObject({ state: 'stopped', pid: null })
    expect(await cli('app', 'start', 'hello')).toMatchObject({ status: 0 })
    expect((await json<Row[]>('app', 'list'))[0]).toMatchObject({ state: 'running' })
  })

  test('versions and describe know it', async () => {
    expect(await json<object[]>('app', 'versions', 'hello')).toEqual([
      expect.objectContaining({ version: '1.0.0', active: true }),
    ])
    expect((await cli('app', 'describe', 'hello')).stdout).toContain('1.0.0')
  })

  test('events tell what happened', async () => {
    const { stdout } = await cli('events', '--json')
    const types = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types).toContain('deployed')
    expect(types).toContain('started')
  })

  test('an app that nobody has is not found', async () => {
    const result = await cli('app', 'stop', 'nobody')
    expect(result.status).toBe(1)
    expect(result.stderr).toContain('APP_NOT_FOUND')
  })

  test('the same version with other content is refused with exit 6', async () => {
    const app = writeSampleApp(join(home.path, 'changed'), {
      script: 'echo changed\nexec sleep 600\n',
    })
    const result = await cli('deploy', app)
    expect(result.status).toBe(6)
    expect(result.stderr + result.stdout).toContain('APP_VERSION_EXISTS')
  })

  test('a package that nobody trusts is refused with exit 6', async () => {
    await cli('keygen', '--out', join(home.path, 'stranger'))
    const app = writeSampleApp(join(home.path, 'strange'), { name: 'strange' })
    await cli(
      'pack',
      app,
      '--key',
      join(home.path, 'stranger', 'signing.key'),
      '--out',
      'strange.p2p',
    )
    const result = await cli('deploy', 'strange.p2p')
    expect(result.status).toBe(6)
    expect(result.stderr + result.stdout).toContain('SIGNATURE_UNTRUSTED')
  })

  test('an app that never becomes healthy in time exits 5', async () => {
    const app = writeSampleApp(join(home.path, 'slow'), {
      name: 'slow',
      manifest:
        'ports: { web: 0 }\nhealth_check: { type: tcp, address: "127.0.0.1:${port.web}", interval: 1s, start_period: 1h }\n',
    })
    const result = await cli('deploy', app, '--timeout', '3s')
    expect(result.status).toBe(5)
    await cli('app', 'remove', 'slow')
  })
})

describe('what follows ends well', () => {
  test('logs --follow shows a new line and ends with 0 on Ctrl-C', async () => {
    const followed = follow('logs', 'hello', '--follow', '--tail', '1')
    await followed.until(/hello from/)
    await cli('app', 'restart', 'hello')
    await followed.until(/hello from \d+[^]*hello from \d+/)
    followed.child.kill('SIGINT')
    expect(await followed.ended).toBe(0)
  })

  test('run shows the log, leaves the app running on Ctrl-C and says how to stop it', async () => {
    const dir = writeSampleApp(join(home.path, 'runner'), { name: 'runner' })
    const followed = follow('run', dir)
    await followed.until(/hello from \d+/)
    followed.child.kill('SIGINT')
    expect(await followed.ended).toBe(0)
    expect(followed.text()).toContain('app stop runner')
    const rows = await json<Row[]>('app', 'list')
    expect(rows.find((row) => row.app === 'runner')).toMatchObject({ state: 'running' })
    expect(await cli('app', 'remove', 'runner')).toMatchObject({ status: 0 })
  })
})

test('a dead daemon gives one clear message', async () => {
  const other = makeHome()
  try {
    await runCli(['init'], { home: other.path })
    const result = await runCli(['app', 'list', '--timeout', '5s'], { home: other.path })
    expect(result.status).toBe(1)
    expect(result.stderr.match(/^Error [A-Z_]+: /gm)).toHaveLength(1)
  } finally {
    other.remove()
  }
})

function follow(...args: string[]) {
  const child = spawn(BIN, args, {
    cwd: home.path,
    env: { ...process.env, P2P_PLAYGROUND_HOME: home.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let wake = (): void => undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more
      wake()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    ended,
    text: () => text,
    until: async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(text)) {
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          ended.then((code) => Promise.reject(new Error(`ended with ${String(code)}: ${text}`))),
        ])
      }
    },
  }
}

function isAlive(pid: number): boolean {
  return (
    pid > 0 &&
    existsSync(`/proc/${String(pid)}/stat`) &&
    !/\) Z /.test(readFileSync(`/proc/${String(pid)}/stat`, 'latin1'))
  )
}
