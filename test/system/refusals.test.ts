import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliOk } from '../harness/command.js'
import { LOOPBACK, Machines, apps, edit, startDaemon, writeApp } from '../harness/machines.js'
import type { TestApp } from '../harness/machines.js'

/** What a node does not take, said by the command that asked for it, with nothing left behind. */
const machines = new Machines()
const node = machines.machine('node-1')

beforeAll(async () => {
  await cliOk(node, 'init', '--name', node.name, ...LOOPBACK)
  edit(node, 'daemon.yaml', (text) => `${text}runtime: { max_apps: 2 }\n`)
  await startDaemon(node)
  await cliOk(node, 'deploy', writeApp(machines.base, { name: 'settled', version: '2.0.0' }))
})

afterAll(async () => {
  await machines.remove()
})

async function deploy(app: TestApp, ...flags: string[]): ReturnType<typeof cli> {
  return cli(node, 'deploy', writeApp(machines.base, app), ...flags)
}

describe('refused, with exit code 6', () => {
  const other = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64'

  test.each<[string, TestApp]>([
    ['APP_DOWNGRADE', { name: 'settled', version: '1.0.0' }],
    ['APP_PLATFORM', { name: 'foreign', entrypoint: `{ ${other}: bin/run }` }],
    ['RUNTIME_NOT_FOUND', { name: 'boxed', manifest: 'runtime: containers\n' }],
    ['RUNTIME_HEALTH_TYPE', { name: 'probed', manifest: 'health_check: { type: redis }\n' }],
    [
      'RUNTIME_HEALTH_SPEC',
      {
        name: 'mistyped',
        manifest: 'ports: { web: 0 }\nhealth_check: { type: http, endpont: / }\n',
      },
    ],
    ['APP_REFERENCE', { name: 'placed', manifest: "args: ['${node.label.zone}']\n" }],
  ])('%s', async (code, app) => {
    const result = await deploy(app)
    expect(result.stderr).toMatch(new RegExp(`^Error ${code}: `, 'm'))
    expect(result.code).toBe(6)
    expect((await apps(node)).map((row) => `${row.app}@${row.version}`)).toEqual(['settled@2.0.0'])
    expect(existsSync(join(node.home, 'apps', app.name === 'settled' ? 'none' : app.name))).toBe(
      false,
    )
    expect(readdirSync(join(node.home, 'stage'))).toEqual([])
    expect(await cliOk(node, 'events', '--tail', '3')).toContain(code)
  })

  test('APP_LIMIT', async () => {
    await cliOk(node, 'deploy', writeApp(machines.base, { name: 'second' }))
    const result = await deploy({ name: 'third' })
    expect(result.stderr).toMatch(/^Error APP_LIMIT: /m)
    expect(result.code).toBe(6)
    await cliOk(node, 'app', 'remove', 'second')
  })
})

test('an older version comes when that is asked for', async () => {
  const result = await deploy({ name: 'settled', version: '1.5.0' }, '--allow-downgrade')
  expect(result.code, result.stderr).toBe(0)
  await cliOk(node, 'app', 'remove', 'settled')
})

describe('taken, but not well, with exit code 1', () => {
  test('APP_UNHEALTHY: the health check fails', async () => {
    const result = await deploy({
      name: 'ill',
      manifest:
        'ports: { web: 0 }\nhealth_check: { type: tcp, interval: 100ms, retries: 2 }\nrestart: { policy: never }\nupdate: { deadline: 2s }\n',
    })
    expect(result.stderr).toMatch(/^Error APP_UNHEALTHY: /m)
    expect(result.code).toBe(1)
    await cliOk(node, 'app', 'remove', 'ill')
  })

  test('APP_START: it ends at once, again and again', async () => {
    const result = await deploy({
      name: 'brief',
      script: 'exit 3',
      manifest: 'restart: { delay: 0s, max_attempts: 3 }\n',
    })
    expect(result.stderr).toMatch(/^Error APP_START: .*exit 3/m)
    expect(result.code).toBe(1)
    await cliOk(node, 'app', 'remove', 'brief')
  })

  test('RUNTIME_SPAWN: there is no such interpreter', async () => {
    const result = await deploy({
      name: 'mute',
      interpreter: '/no/such/interpreter',
      manifest: 'restart: { policy: never }\n',
    })
    expect(result.code).toBe(1)
    const [row] = await apps(node)
    expect(row).toMatchObject({ app: 'mute', state: 'failed', pid: null })
    expect(result.stderr + (row?.reason ?? '')).toContain('/no/such/interpreter')
    expect(await cliOk(node, 'events', '--tail', '5')).toContain('RUNTIME_SPAWN')
    await cliOk(node, 'app', 'remove', 'mute')
  })
})
