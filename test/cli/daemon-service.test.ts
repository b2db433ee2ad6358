import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cliJson, cliOk } from '../harness/command.js'
import { LOOPBACK, Machines, apps, writeApp } from '../harness/machines.js'
import type { DaemonStatus, Machine } from '../harness/machines.js'
import { isAlive, kill, until } from '../harness/processes.js'
import { runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

/** daemon install and uninstall, as far as they go without a systemd that runs the machine. */
const machines = new Machines()
/** A name that units and shells could take for something else. */
const one = machines.machine("a 50% $HOME it's")
let units: string
const NAME = 'p2p-playground-daemon'

beforeAll(async () => {
  units = machines.path('units')
  await cliOk(one, 'init', '--name', 'one', ...LOOPBACK)
})
afterAll(async () => {
  await machines.remove()
})

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  return runCli(args, { home: one.home, env })
}

async function status(machine: Machine): Promise<DaemonStatus | undefined> {
  const { stdout } = await runCli(['daemon', 'status', '--json'], { home: machine.home })
  const answer = JSON.parse(stdout) as DaemonStatus & { readonly running: boolean }
  return answer.running ? answer : undefined
}

async function untilOther(than: number | undefined): Promise<number> {
  let pid: number | undefined
  await until('another daemon runs', async () => {
    pid = (await status(one))?.pid
    return pid !== undefined && pid !== than
  })
  return pid ?? 0
}

const noVerify =
  spawnSync('systemd-analyze', ['--version']).status === 0
    ? ''
    : ' (left out: no systemd-analyze, Debian package systemd)'

describe('the unit', () => {
  let unit: string
  let install: string[]
  let uninstall: string[]

  beforeAll(() => {
    unit = join(units, `${NAME}.service`)
    install = ['daemon', 'install', '--init', 'systemd', '--dir', units]
    uninstall = ['daemon', 'uninstall', '--init', 'systemd', '--dir', units]
  })

  test('--print shows it and writes nothing', async () => {
    const { status: code, stdout } = await run([...install, '--print'])
    expect(code).toBe(0)
    expect(stdout).toContain(`# ${unit}\n`)
    expect(stdout).toContain('\nKillMode=process\n')
    const json = await run([...install, '--print', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'systemd', path: unit, name: NAME })
    expect(existsSync(units)).toBe(false)
  })

  test('is written once, says what to do next, and only changes when there is something new', async () => {
    const first = await run(install)
    expect(first).toMatchObject({ status: 0, stderr: '' })
    expect(first.stdout).toContain(`wrote ${unit}\n`)
    expect(first.stdout).toContain(`enable --now ${unit}`)
    expect((await run(install)).stdout).toContain(`nothing to change in ${unit}\n`)
    const changed = await run([...install, '--env', 'prod', '--json'])
    expect(JSON.parse(changed.stdout)).toMatchObject({ changed: true, pid: null })
    expect(readFileSync(unit, 'utf8')).toContain(' --foreground --env prod\n')
    expect(readdirSync(units)).toEqual([`${NAME}.service`])
  })

  test.skipIf(noVerify !== '')(`is sound, says systemd-analyze${noVerify}`, () => {
    const scopes = ['--system', '--user'] as const
    for (const scope of scopes) {
      const { status: code, stderr } = spawnSync('systemd-analyze', [scope, 'verify', unit])
      // Other units of the machine may have flaws of their own.
      const ours = stderr
        .toString()
        .split('\n')
        .filter((line) => line.includes(NAME))
      expect(ours, scope).toEqual([])
      if (scope === '--system') expect(code).toBe(0)
    }
  })

  test('of another home, or of nobody we know, is left alone', async () => {
    const other = machines.machine('other')
    const taken = await runCli(install, { home: other.home })
    expect(taken.stderr).toMatch(/^Error CONFIG_EXISTS: .* is for the home /)
    expect(await runCli(uninstall, { home: other.home })).toMatchObject({ status: 1 })
    const foreign = join(units, 'foreign.service')
    writeFileSync(foreign, '[Service]\nExecStart=/bin/true\n')
    const refused = await run([...install, '--name', 'foreign'])
    expect(refused.stderr).toMatch(/^Error CONFIG_EXISTS: .* not ours/)
    const kept = await run([...uninstall, '--name', 'foreign'])
    expect(kept.stderr).toMatch(/^Error NODE_DAEMON_SERVICE: .* not ours: left alone/)
    expect(readFileSync(foreign, 'utf8')).toContain('/bin/true')
    expect(existsSync(unit)).toBe(true)
  })

  test('what systemctl refuses is NODE_DAEMON_SERVICE, with its words', async () => {
    const env = systemctl('echo "no bus here" >&2; exit 1')
    const { status: code, stderr } = await run([...install, '--now'], env)
    expect(stderr).toMatch(/^Error NODE_DAEMON_SERVICE: systemctl .*daemon-reload: no bus here\n/)
    expect(code).toBe(1)
  })

  test('--now has systemctl reload, enable and start it; uninstall takes it back', async () => {
    const log = machines.path('systemctl.log')
    // Starts what the unit says, as systemd would: no shell, no environment but that of the unit.
    const env = systemctl(`
echo "$*" >>'${log}'
case "$*" in
*is-active*) exit 3 ;;
*restart*) '${process.execPath}' '${machines.path('as-systemd.mjs')}' '${unit}' ;;
esac`)
    writeFileSync(machines.path('as-systemd.mjs'), AS_SYSTEMD)
    const { stdout, stderr } = await run([...install, '--now', '--json'], env)
    expect(stderr).toBe('')
    const { pid } = JSON.parse(stdout) as { pid: number }
    expect((await status(one))?.pid).toBe(pid)
    const words = process.getuid?.() === 0 ? '' : '--user '
    const calls = readFileSync(log, 'utf8').trim().split('\n')
    expect(calls).toEqual([
      `${words}daemon-reload`,
      `${words}enable ${unit}`,
      `${words}is-active --quiet ${NAME}.service`,
      `${words}restart ${NAME}.service`,
    ])
    await cliOk(one, 'daemon', 'stop')
    const gone = await run([...uninstall, '--json'], env)
    expect(JSON.parse(gone.stdout)).toEqual({ removed: [unit] })
    expect(existsSync(unit)).toBe(false)
    expect(readFileSync(log, 'utf8')).toContain(`disable --now ${NAME}.service\n`)
    expect((await run(uninstall)).stdout).toBe('nothing is installed here\n')
  })
})

/** A path on which systemctl is this script. */
function systemctl(script: string): NodeJS.ProcessEnv {
  const bin = machines.path('bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, 'systemctl'), 0o755)
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
}

/** Reads quotes, %% and $$ as systemd.syntax(7) has them. */
const AS_SYSTEMD = `
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
const text = readFileSync(process.argv[2], 'utf8')
const words = (line) =>
  [...line.matchAll(/"((?:\\\\.|[^"\\\\])*)"|(\\S+)/g)].map(([, quoted, bare]) =>
    (quoted ?? bare).replaceAll(/\\\\(.)/g, '$1').replaceAll('%%', '%'),
  )
const values = (key) => [...text.matchAll(new RegExp('^' + key + '=(.*)$', 'gm'))].map((m) => m[1])
const [program, ...args] = words(values('ExecStart')[0]).map((word) => word.replaceAll('$$', '$'))
const env = Object.fromEntries(
  values('Environment').flatMap(words).map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
)
spawn(program, args, { env, cwd: '/', detached: true, stdio: 'ignore' }).unref()
`

describe('the script for hosts without systemd', () => {
  let script: string
  let install: string[]
  let daemon: number
  let app: number

  beforeAll(() => {
    script = join(units, NAME)
    install = ['daemon', 'install', '--init', 'sh', '--dir', units]
  })

  /** The process of the script. */
  const supervisor = (): number =>
    Number(readFileSync(join(one.home, 'run', `${NAME}.pid`), 'utf8').trim())

  test('--now starts it, in the place of a daemon that was started by hand', async () => {
    const byHand = await cliJson<DaemonStatus>(one, 'daemon', 'start')
    await cliOk(one, 'deploy', writeApp(machines.base, { name: 'lasting' }))
    app = (await apps(one))[0]?.pid ?? 0
    const { stdout, stderr } = await run([...install, '--now'])
    expect(stderr).toBe('')
    expect(stdout).toContain(`wrote ${script}\n`)
    expect(stdout).toContain(`@reboot ${script}`)
    daemon = await untilOther(byHand.pid)
    expect(isAlive(byHand.pid)).toBe(false)
    expect(isAlive(supervisor())).toBe(true)
  })

  test('a second one says that the first runs', () => {
    const { status: code, stderr } = spawnSync(script)
    expect(stderr.toString()).toBe(`it runs already, pid ${String(supervisor())}\n`)
    expect(code).toBe(1)
    expect(isAlive(daemon)).toBe(true)
  })

  test('a daemon that is killed comes again; the app notices nothing', async () => {
    const before = supervisor()
    for (let round = 0; round < 2; round += 1) {
      kill(daemon)
      daemon = await untilOther(daemon)
    }
    expect(supervisor()).toBe(before)
    expect((await apps(one))[0]).toMatchObject({ pid: app, state: 'running' })
  })

  test('a daemon that ends by itself comes again too', async () => {
    kill(daemon, 'SIGTERM')
    daemon = await untilOther(daemon)
    expect(isAlive(app)).toBe(true)
  })

  test('TERM ends both at once, and the app goes on', async () => {
    const pid = supervisor()
    kill(pid, 'SIGTERM')
    await until('both have ended', () => !isAlive(pid) && !isAlive(daemon))
    expect(existsSync(join(one.home, 'run', `${NAME}.pid`))).toBe(false)
    expect(await status(one)).toBeUndefined()
    expect(isAlive(app)).toBe(true)
  })

  test('a process id that was left behind and given out again stops nothing', async () => {
    writeFileSync(join(one.home, 'run', `${NAME}.pid`), `${String(process.pid)}\n`)
    expect(await run([...install, '--now'])).toMatchObject({ status: 0, stderr: '' })
    daemon = await untilOther(daemon)
    expect((await apps(one))[0]).toMatchObject({ pid: app, state: 'running' })
  })

  test('uninstall ends and removes it, and names the crontab; the app goes on', async () => {
    const pid = supervisor()
    // Its shell reads on: as on a busy machine, it ends later than its pid file.
    appendFileSync(script, 'sleep 0.5\n')
    const { stdout, stderr } = await run(['daemon', 'uninstall', '--dir', units])
    expect(stderr).toBe('')
    expect(stdout).toContain(`removed ${script}\n`)
    expect(stdout).toContain('crontab -e')
    expect([pid, daemon].filter(isAlive)).toEqual([])
    expect(existsSync(script)).toBe(false)
    expect(isAlive(app)).toBe(true)
  })
})
