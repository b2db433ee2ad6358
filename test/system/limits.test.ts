import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import {
  Machines,
  apps,
  crashDaemon,
  edit,
  startDaemon,
  startFleet,
  writeApp,
} from '../harness/machines.js'
import type { AppRow, Machine } from '../harness/machines.js'
import { isAlive, until } from '../harness/processes.js'

/** Limits, sandbox and users through the real executable. */
const machines = new Machines()
const node = machines.machine('node-1')

interface Enforcement {
  readonly enforced: boolean
  readonly why?: string
}
interface Figure {
  readonly current: number | null
}
interface NodeInfo {
  readonly runtimes: Readonly<
    Record<
      'process' | 'cgroups',
      Readonly<Record<'cpu' | 'memory' | 'pids' | 'sandbox' | 'network', Enforcement>>
    >
  >
}

/** Writes the user and the name of every process that loads it. */
const LIBRARY = `
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void tell(void) {
  char name[64] = "";
  FILE *comm = fopen("/proc/self/comm", "r"), *told = fopen("told", "a");
  if (comm && fgets(name, sizeof name, comm) && told) fprintf(told, "%d %s", (int)geteuid(), name);
  if (told) fclose(told);
}
`

let runtimes: NodeInfo['runtimes']

beforeAll(async () => {
  await startFleet([node])
  runtimes = (await cliJson<NodeInfo>(node, 'node', 'info', 'node-1')).runtimes
})

afterAll(async () => {
  for (const { app } of await apps(node)) await cli(node, 'app', 'remove', app)
  await cli(node, 'daemon', 'stop')
  await machines.remove()
})

/** Prints why a test is left out; true when it is. */
function isLeftOut(why: string | undefined): boolean {
  if (why !== undefined) process.stderr.write(`left out: ${why}\n`)
  return why !== undefined
}

async function row(app: string): Promise<AppRow & { readonly limits: string }> {
  const rows = (await apps(node)) as (AppRow & { readonly limits: string })[]
  const found = rows.find((one) => one.app === app)
  if (found === undefined) throw new Error(`no ${app}`)
  return found
}

/** Changes the section `runtime` of daemon.yaml and starts the daemon again. */
async function configure(runtime: string, machine: Machine = node): Promise<void> {
  await cliOk(node, 'daemon', 'stop')
  edit(node, 'daemon.yaml', (text) => `${text.replace(/^runtime:.*\n/m, '')}runtime: ${runtime}\n`)
  await startDaemon(machine)
}

test('node info says what each runtime enforces, or why not', async () => {
  const text = await cliOk(node, 'node', 'info', 'node-1')
  expect(text).toMatch(
    /runtime +process: cpu, memory, pids not limited \(the runtime "process" sets no limits\)/,
  )
  expect(text).toMatch(/runtime +cgroups: cpu.* (limited by cgroup|not limited \()/)
  expect(text).toMatch(/sandbox (by bubblewrap|none \()/)
  expect(text).toMatch(/users (by setpriv|none \()/)
  expect(text).toMatch(/process: .*network not counted \(only that of a cgroup can be counted\)/)
  expect(text).toMatch(/cgroups: .*network (counted by nftables|not counted \()/)
})

test('an app that asks for a limit and does not get it says so, and there is an event', async () => {
  const manifest = 'resources: { memory_limit: 64Mi }\n'
  await cliOk(node, 'deploy', writeApp(machines.base, { name: 'loose', manifest }))
  const said = 'limits not enforced: the runtime "process" sets no limits'
  expect((await row('loose')).limits).toBe(said)
  expect(await cliOk(node, 'app', 'list')).toContain('limits not enforced')
  expect(await cliOk(node, 'events', '--tail', '20')).toMatch(/limits +.*loose@1\.0\.0: limits not/)
})

describe('runtime: cgroups', () => {
  test('an app that takes 200 MB with a limit of 64 MiB is out of memory, and all say so', async () => {
    const { memory } = runtimes.cgroups
    if (isLeftOut(memory.why)) return
    const app = {
      name: 'greedy',
      script: 'exec dd if=/dev/zero of=/dev/null bs=200000000 count=1',
      manifest: 'runtime: cgroups\nresources: { memory_limit: 64Mi }\nrestart: { policy: never }\n',
    }
    await cli(node, 'deploy', writeApp(machines.base, app))
    await until('it failed', async () => (await row('greedy')).state === 'failed')
    const said = 'out of memory (limit 64.0 MiB)'
    expect(await row('greedy')).toMatchObject({ limits: '' })
    expect((await row('greedy')).reason).toContain(said)
    expect(await cliOk(node, 'app', 'list')).toContain(said)
    expect(await cliOk(node, 'app', 'describe', 'greedy')).toContain(`last exit  ${said}`)
    expect(await cliOk(node, 'events', '--tail', '20')).toContain(said)
  })

  test('what forks away is still stopped, also by the daemon after a crash', async () => {
    const { pids } = runtimes.cgroups
    if (isLeftOut(pids.why)) return
    const mark = `91${String(process.pid)}`
    const app = {
      name: 'forker',
      script: `(setsid env -i /usr/bin/setsid /bin/sleep ${mark} &)\nexec sleep ${mark}`,
      manifest: 'runtime: cgroups\nresources: { pids_limit: 10 }\n',
    }
    await cliOk(node, 'deploy', writeApp(machines.base, app))
    const { pid } = await row('forker')
    await crashDaemon(node)
    expect(isAlive(pid ?? 0)).toBe(true)
    await startDaemon(node)
    await cliOk(node, 'app', 'stop', 'forker')
    expect(spawnSync('pgrep', ['-f', `sleep ${mark}`], { encoding: 'utf8' }).stdout).toBe('')
  })
})

test('the traffic of an app in a cgroup is its own', async () => {
  const { network } = runtimes.cgroups
  if (isLeftOut(network.why)) return
  const talk = `
    const socket = require("node:dgram").createSocket("udp4").bind(0, "127.0.0.1")
    setInterval(() => socket.send(Buffer.alloc(10_000), socket.address().port, "127.0.0.1"), 100)`
  const manifest = 'runtime: cgroups\n'
  // The silent one first: whoever has looked at the other has looked at it too.
  const scripts = { silent: 'exec sleep 600', talker: `exec ${process.execPath} -e '${talk}'` }
  for (const [name, script] of Object.entries(scripts))
    await cliOk(node, 'deploy', writeApp(machines.base, { name, script, manifest }))
  const rates = async (app: string): Promise<readonly (number | null | undefined)[]> => {
    const [described] = await cliJson<{ lastHour: Record<string, Figure> | null }[]>(
      ...[node, 'app', 'describe', app],
    )
    const of = described?.lastHour
    return ['networkInBytesPerSecond', 'networkOutBytesPerSecond'].map(
      (name) => of?.[name]?.current,
    )
  }
  await until('its traffic', async () => (await rates('talker')).every((rate) => (rate ?? 0) > 0))
  expect(await rates('silent')).toEqual([0, 0])
  const text = await cliOk(node, 'app', 'describe', 'talker')
  expect(text).toMatch(/^network +in .*B\/s \(average .*\n +out .*B\/s \(average /m)
})

describe('runtime.sandbox', () => {
  test('required runs apps in one, where they see neither the node nor its keys', async () => {
    if (isLeftOut(runtimes.process.sandbox.why)) return
    await configure('{ sandbox: required }')
    const app = {
      name: 'boxed',
      script: `touch /etc/mine 2>&1\nls ${node.home} 2>&1\necho kept >kept && echo done\nexec sleep 600`,
      manifest: 'health_check: { type: process, interval: 1s }\n',
    }
    await cliOk(node, 'deploy', writeApp(machines.base, app))
    expect((await row('boxed')).state).toBe('healthy')
    const log = await cliOk(node, 'logs', 'boxed')
    expect(log).toMatch(/Read-only file system[^]*apps[^]*done/)
    expect(log).not.toContain('state')
    await cliOk(node, 'app', 'stop', 'boxed')
    expect((await row('boxed')).state).toBe('stopped')
  })

  test('required refuses to start an app where there is none, and ends nothing for it', async () => {
    // A machine whose programs are Node's only.
    const bare = { ...node, path: join(import.meta.dirname, '../../node_modules/.bin') }
    await configure('{ sandbox: required }', bare)
    const { pid } = await row('loose')
    const refused = await cli(node, 'app', 'restart', 'loose')
    expect(refused.stderr).toMatch(/RUNTIME_SANDBOX: .*there is no bwrap/)
    expect(await row('loose')).toMatchObject({ state: 'running', pid })
    expect(await cliOk(node, 'events', '--tail', '20')).toContain('RUNTIME_SANDBOX')
  })

  test('auto runs it without, and says so', async () => {
    const bare = { ...node, path: join(import.meta.dirname, '../../node_modules/.bin') }
    await configure('{ sandbox: auto }', bare)
    await cliOk(node, 'app', 'restart', 'loose')
    const said = 'no sandbox: there is no bwrap'
    expect(await row('loose')).toMatchObject({ limits: expect.stringContaining(said) as string })
    expect(await cliOk(node, 'events', '--tail', '5')).toContain(said)
  })
})

describe('runtime.user', () => {
  test('dynamic gives each app a user of its own, who cannot read the files of another', async () => {
    if (isLeftOut(process.getuid?.() === 0 ? undefined : 'users of apps need root')) return
    chmodSync(machines.base, 0o711)
    await configure('{ user: dynamic }')
    const secret = join(node.home, 'apps/owner/1.0.0/files/secret')
    const owner = {
      name: 'owner',
      script: 'umask 077; echo private >secret; id -u; exec sleep 600',
    }
    const thief = { name: 'thief', script: `id -u; cat ${secret} 2>&1; exec sleep 600` }
    for (const app of [owner, thief]) await cliOk(node, 'deploy', writeApp(machines.base, app))
    await until('both wrote', async () => {
      const logs = [await cliOk(node, 'logs', 'owner'), await cliOk(node, 'logs', 'thief')]
      return /19000000\d\d/.test(logs[0] ?? '') && /19000000\d\d[^]*denied/.test(logs[1] ?? '')
    })
    expect(await cliOk(node, 'logs', 'thief')).not.toContain('private')
    const uids = [secret, join(node.home, 'apps/thief/1.0.0/files')].map(
      (path) => statSync(path).uid,
    )
    expect(new Set(uids).size).toBe(2)
    expect(statSync(join(node.home, 'state')).mode & 0o077).toBe(0)
  })

  test('the environment of an app has an effect on nothing before it and its hooks', async () => {
    if (isLeftOut(process.getuid?.() === 0 ? undefined : 'users of apps need root')) return
    const cc = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-x', 'c', '-o', machines.path('mine.so'), '-'],
      {
        input: LIBRARY,
        encoding: 'utf8',
      },
    )
    if (
      isLeftOut(cc.status === 0 ? undefined : `no C compiler (${cc.error?.message ?? cc.stderr})`)
    )
      return
    const app = {
      name: 'preload',
      manifest:
        'runtime: cgroups\nenv: { LD_PRELOAD: ./mine.so }\nscripts: { pre_start: bin/hook }\n',
      files: {
        'mine.so': readFileSync(machines.path('mine.so')),
        'bin/hook': Buffer.from('#!/bin/sh\n:\n'),
      },
    }
    await cliOk(node, 'deploy', writeApp(machines.base, app))
    const files = join(node.home, 'apps/preload/1.0.0/files')
    const told = (): string => {
      const path = join(files, 'told')
      return existsSync(path) ? readFileSync(path, 'utf8') : ''
    }
    await until('hook and app', () => /hook[^]*sleep/.test(told()))
    const uids = told().match(/^\d+/gm)
    expect(new Set(uids)).toEqual(new Set([String(statSync(files).uid)]))
    expect(told()).not.toMatch(/setpriv| sh$/m)
  })

  test('a user that is not there stops the start of the daemon, with the line', async () => {
    if (isLeftOut(process.getuid?.() === 0 ? undefined : 'users of apps need root')) return
    await cliOk(node, 'daemon', 'stop')
    edit(node, 'daemon.yaml', (text) => text.replace('user: dynamic', 'user: no-such-user'))
    const { code, stderr } = await cli(node, 'daemon', 'start')
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /CONFIG_INVALID: .*daemon\.yaml:\d+:\d+: there is no user "no-such-user"/,
    )
    edit(node, 'daemon.yaml', (text) => text.replace(/^runtime:.*\n/m, ''))
    await startDaemon(node)
  })
})
