import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { Machines, edit, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import type { TestApp } from '../harness/machines.js'
import { isAlive, until } from '../harness/processes.js'
import { versionsOn } from './versions.test.support.js'

/** How one version takes over from another on one node, or does not, through the executable. */
const machines = new Machines()
const node = machines.machine('node-1')
const { activeOf, deployed, row, versions } = versionsOn(node)

interface Description {
  readonly version: string
  readonly failures: readonly {
    readonly reason: string
    readonly lines: readonly { readonly stream: string; readonly line: string }[]
  }[]
}

beforeAll(async () => {
  await startFleet([node])
})

afterAll(async () => {
  await machines.remove()
})

describe('a version that fails', () => {
  const bad: TestApp = {
    name: 'web',
    version: '2.0.0',
    script: 'echo cannot go on >&2; exit 3',
    manifest: 'restart: { delay: 0s, max_attempts: 2 }\n',
  }

  test('is rolled back, deploy ends with 4 and says so', async () => {
    await deployed({ name: 'web', version: '1.0.0' })
    const result = await cli(node, 'deploy', writeApp(machines.base, bad))
    expect(result.stderr).toMatch(/^Error APP_ROLLED_BACK: .*1\.0\.0 is back: exit 3; 2 starts/m)
    expect(result.code).toBe(4)
    await until('the old one runs', async () => (await row('web', '1.0.0'))?.state === 'running')
    expect(await row('web', '2.0.0')).toMatchObject({ state: 'failed' })
    expect((await versions('web')).find(({ version }) => version === '2.0.0')?.note).toMatch(
      /^failed its trial: exit 3/,
    )
    expect(await cliOk(node, 'events')).toMatch(
      /rollback .*web@2\.0\.0 failed its trial, back to 1\.0\.0/,
    )
  })

  test('is refused when it comes again, with 6', async () => {
    const result = await cli(node, 'deploy', join(machines.base, 'web-2.0.0'))
    expect(result.stderr).toMatch(/APP_CONDEMNED: .*\n.*app upgrade web@2\.0\.0/m)
    expect(result.code).toBe(6)
  })

  test('leaves what is needed to understand it', async () => {
    const described = await cliOk(node, 'app', 'describe', 'web')
    expect(described).toMatch(/last failure .*exit 3, after start 2/)
    expect(described).toMatch(/stderr +cannot go on/)
    const all = await cliJson<Description[]>(node, 'app', 'describe', 'web')
    const { failures = [] } = all.find(({ version }) => version === '2.0.0') ?? {}
    expect(failures).toHaveLength(2)
    expect(failures[0]?.lines).toEqual([
      { stream: 'stderr', line: 'cannot go on' },
      { stream: 'stderr', line: 'cannot go on' },
    ])
  })

  test('is tried again by app upgrade, which ends with 4 when it fails', async () => {
    const result = await cli(node, 'app', 'upgrade', 'web@2.0.0')
    expect(result.stderr).toMatch(/^Error APP_ROLLED_BACK: .*1\.0\.0 is back: exit 3; 2 starts/m)
    expect(result.code).toBe(4)
    await until('the old one runs', async () => (await row('web', '1.0.0'))?.state === 'running')
  })

  test('is not what takes over when the active one goes, and not what rollback goes to', async () => {
    await deployed({ name: 'web', version: '3.0.0' })
    expect(await cliOk(node, 'app', 'remove', 'web@3.0.0')).toMatch(
      /^removed web@3\.0\.0; active now:\nNODE .*\nnode-1 +web +1\.0\.0 +stopped.*\nStart it with: p2p-playground app start web\n$/,
    )
    expect(await activeOf('web')).toBe('1.0.0')
    await deployed({ name: 'web', version: '3.1.0' })
    // Its own trial says what was before; later, nothing does but the versions.
    await cliOk(node, 'app', 'stop', 'web')
    await cliOk(node, 'app', 'remove', 'web@1.0.0')
    expect((await cli(node, 'app', 'rollback', 'web')).stderr).toMatch(
      /^Error APP_NOT_FOUND: .*no version to go back to/,
    )
  })
})

describe('a version that crashes and is to be started again later', () => {
  const lame = (version: string, delay: string): TestApp => ({
    name: 'lame',
    version,
    script: 'exit 3',
    manifest: `restart: { delay: ${delay}, max_attempts: 2 }\nupdate: { policy: manual }\n`,
  })

  beforeAll(async () => {
    await deployed({ name: 'lame', version: '1.0.0' })
    await deployed(lame('1.1.0', '1500ms'))
    await deployed(lame('1.2.0', '1h'))
  })

  test('is waited for by app upgrade until its trial has ended', async () => {
    const result = await cli(node, 'app', 'upgrade', 'lame@1.1.0')
    expect(result.stderr).toMatch(/^Error APP_ROLLED_BACK: .*1\.0\.0 is back: exit 3; 2 starts/m)
    expect(result.code).toBe(4)
  })

  test('is waited for as long as --timeout says, which ends with 5', async () => {
    const { code, stderr } = await cli(node, 'app', 'upgrade', 'lame@1.2.0', '--timeout', '1s')
    expect(stderr).toMatch(
      /^Error APP_WAIT_TIMEOUT: node-1: lame@1\.2\.0 was not ready within 1s: backoff \(exit 3\)/,
    )
    expect(code).toBe(5)
    expect(await cliOk(node, 'app', 'rollback', 'lame', '1.0.0')).toMatch(/lame +1\.0\.0 +running/)
  })

  test('is not waited for with --no-wait', async () => {
    expect(await cliOk(node, 'app', 'upgrade', 'lame@1.2.0', '--no-wait')).toMatch(
      /lame +1\.2\.0 +(running|backoff)/,
    )
    await cliOk(node, 'app', 'stop', 'lame')
  })
})

describe('an update policy', () => {
  test('graceful never signals the running version; it takes over when that ends', async () => {
    const traps =
      'trap "echo signalled; exit 9" TERM INT HUP; echo ready; while :; do sleep 0.05; done'
    await deployed({ name: 'calm', version: '1.0.0', script: traps })
    const before = await row('calm', '1.0.0')
    await deployed({ name: 'calm', version: '1.1.0', manifest: 'update: { policy: graceful }\n' })
    expect(await row('calm', '1.1.0')).toMatchObject({
      state: 'staged',
      reason: 'takes over when the active version ends',
    })
    expect(isAlive(before?.pid ?? 0)).toBe(true)
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await until('the new one runs', async () => (await row('calm', '1.1.0'))?.state === 'running')
    expect(await activeOf('calm')).toBe('1.1.0')
    expect(await cliOk(node, 'logs', 'calm@1.0.0')).not.toContain('signalled')
  })

  test('manual waits for upgrade', async () => {
    await deployed({ name: 'slow', version: '1.0.0' })
    await deployed({ name: 'slow', version: '1.1.0', manifest: 'update: { policy: manual }\n' })
    expect(await row('slow', '1.1.0')).toMatchObject({
      state: 'staged',
      reason: 'waits for "app upgrade"',
    })
    expect(await activeOf('slow')).toBe('1.0.0')
    await cliOk(node, 'app', 'upgrade', 'slow')
    expect(await activeOf('slow')).toBe('1.1.0')
  })
})

test('a version whose label is gone from daemon.yaml is refused, and the one that runs is left alone', async () => {
  const configure = async (labels: string): Promise<void> => {
    edit(node, 'daemon.yaml', (text) =>
      text.replace(/^ {2}labels: .*\n/m, '').replace(/^ {2}name: .*$/m, `$&\n  labels: ${labels}`),
    )
    await cliOk(node, 'daemon', 'stop')
    await startDaemon(node)
  }
  await configure('{ zone: b }')
  await deployed({ name: 'placed', version: '1.0.0' })
  await deployed({ name: 'placed', version: '1.1.0', manifest: "args: ['${node.label.zone}']\n" })
  await cliOk(node, 'app', 'rollback', 'placed')
  const before = await row('placed', '1.0.0')
  await configure('{ site: c }')
  for (const command of [
    ['upgrade', 'placed'],
    ['rollback', 'placed', '1.1.0'],
  ]) {
    const { code, stderr } = await cli(node, 'app', ...command)
    expect(stderr).toMatch(
      /^Error APP_REFERENCE: node-1: placed@1\.1\.0 cannot run here: \$\{node\.label\.zone\}/,
    )
    expect(code).toBe(6)
  }
  expect(isAlive(before?.pid ?? 0)).toBe(true)
  expect(await row('placed', '1.0.0')).toMatchObject({ pid: before?.pid, state: 'running' })
  expect(await cliOk(node, 'events')).toMatch(/refused .*placed@1\.1\.0 cannot run here/)
})
