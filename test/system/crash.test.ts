import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, cliOk } from '../harness/command.js'
import {
  Machines,
  apps,
  crashDaemon,
  startDaemon,
  startFleet,
  writeApp,
} from '../harness/machines.js'
import { isAlive, kill, until } from '../harness/processes.js'

/** What survives `kill -9` of the daemon. */
const machines = new Machines()
const node = machines.machine('node-1')

beforeAll(async () => {
  await startFleet([node])
})

afterAll(async () => {
  await machines.remove()
})

async function deploy(...args: Parameters<typeof writeApp>[1][]): Promise<number[]> {
  for (const app of args) await cliOk(node, 'deploy', writeApp(machines.base, app))
  const rows = await apps(node)
  return args.map(({ name }) => rows.find((row) => row.app === name)?.pid ?? 0)
}

test('apps run on, and the next daemon takes them over with their log', async () => {
  const [pid = 0] = await deploy({
    name: 'counter',
    script: 'i=0; while :; do i=$((i+1)); echo "count $i."; sleep 0.01; done',
    manifest: 'health_check: { type: process, interval: 1s }\n',
  })
  await crashDaemon(node)
  expect(isAlive(pid)).toBe(true)
  const dead = await cli(node, 'daemon', 'status')
  expect(dead.code).toBe(1)
  await startDaemon(node)
  await until('it is healthy again', async () => (await apps(node))[0]?.state === 'healthy')
  expect((await apps(node))[0]).toMatchObject({ app: 'counter', pid })
  await cliOk(node, 'app', 'stop', 'counter')
  const log = await cliOk(node, 'logs', 'counter', '--tail', '1000000')
  const counts = [...log.matchAll(/count (\d+)\./g)].map((match) => Number(match[1]))
  expect(counts.length).toBeGreaterThan(50)
  expect(counts).toEqual(counts.map((_, index) => index + 1))
  await cliOk(node, 'app', 'remove', 'counter')
})

test('how an app ended meanwhile is known', async () => {
  const leave = (name: string, code: number): Parameters<typeof writeApp>[1] => ({
    name,
    script: `trap 'exit ${String(code)}' USR1; while :; do sleep 0.05; done`,
    manifest: 'restart: { policy: never }\n',
  })
  const pids = await deploy(leave('seven', 7), leave('zero', 0))
  await crashDaemon(node)
  for (const pid of pids) kill(pid, 'SIGUSR1')
  await until('both have ended', () => !pids.some(isAlive))
  await startDaemon(node)
  await until('both are known to have ended', async () =>
    (await apps(node)).every(({ pid }) => pid === null),
  )
  const reasons = Object.fromEntries((await apps(node)).map((row) => [row.app, row.reason]))
  expect(reasons['seven']).toContain('exit 7')
  expect(reasons['zero']).toContain('exit 0')
  for (const name of ['seven', 'zero']) await cliOk(node, 'app', 'remove', name)
})

test('a restart policy goes on with the next daemon', async () => {
  const [pid = 0] = await deploy({ name: 'phoenix', manifest: 'restart: { delay: 0s }\n' })
  await crashDaemon(node)
  kill(pid)
  await until('it has ended', () => !isAlive(pid))
  await startDaemon(node)
  await until('it runs again', async () => {
    const row = (await apps(node)).find(({ app }) => app === 'phoenix')
    return row?.state === 'running' && row.pid !== pid
  })
  await cliOk(node, 'app', 'remove', 'phoenix')
})

test('what was stopped stays stopped, what was removed stays away', async () => {
  await deploy({ name: 'idle' }, { name: 'gone' })
  await cliOk(node, 'app', 'stop', 'idle')
  await cliOk(node, 'app', 'remove', 'gone')
  await crashDaemon(node)
  await startDaemon(node)
  const rows = (await apps(node)).map(({ app, state, pid }) => ({ app, state, pid }))
  expect(rows).toEqual([{ app: 'idle', state: 'stopped', pid: null }])
  expect(existsSync(machines.path('node-1', 'apps', 'gone'))).toBe(false)
  await cliOk(node, 'app', 'remove', 'idle')
})
