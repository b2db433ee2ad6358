import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, cliOk } from '../harness/command.js'
import { LOOPBACK, Machines, apps, edit, startDaemon, writeApp } from '../harness/machines.js'

/** Two daemons of one machine whose configurations name the same directory. */
const machines = new Machines()
const [first, second] = [machines.machine('node-1'), machines.machine('node-2')]
let shared: { readonly app_dir: string; readonly log_dir: string }

beforeAll(async () => {
  shared = { app_dir: machines.path('apps'), log_dir: machines.path('logs') }
  for (const machine of [first, second])
    await cliOk(machine, 'init', '--name', machine.name, ...LOOPBACK)
  const runtime = JSON.stringify(shared)
  edit(first, 'daemon.yaml', (text) => `${text}runtime: ${runtime}\n`)
  await startDaemon(first)
  await cliOk(first, 'deploy', writeApp(machines.base, { name: 'settled' }))
})

afterAll(async () => {
  await machines.remove()
})

test.each(['app_dir', 'log_dir'] as const)(
  'a daemon does not begin in the %s of another, whose apps it does not know',
  async (key) => {
    edit(second, 'daemon.yaml', (text) => {
      const others = text.replace(/^runtime:.*\n/m, '')
      return `${others}runtime: { ${key}: ${shared[key]} }\n`
    })
    const { code, stderr } = await cli(second, 'daemon', 'start')
    expect(code).toBe(2)
    expect(stderr).toContain(`${shared[key]} is of another daemon`)
    expect(existsSync(machines.path('apps', 'settled', '1.0.0', 'files', 'bin', 'run'))).toBe(true)
  },
)

test('the one that has them goes on, and finds them again', async () => {
  await cliOk(first, 'daemon', 'stop')
  await startDaemon(first)
  expect(await apps(first)).toMatchObject([{ app: 'settled', state: 'running' }])
})
