import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { Machines, apps, edit, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import type { AppRow, TestApp } from '../harness/machines.js'
import { isAlive, until } from '../harness/processes.js'

/** Several versions of an app on one node, through the executable. */
const machines = new Machines()
const node = machines.machine('node-1')

interface VersionRow {
  readonly version: string
  readonly active: boolean
  readonly tags: readonly string[]
  readonly note: string
}

interface Description {
  readonly version: string
  readonly failures: readonly {
    readonly reason: string
    readonly lines: readonly { readonly stream: string; readonly line: string }[]
  }[]
}

beforeAll(async () => {
  await startFleet([node])
  for (const version of ['1.0.0', '1.1.0']) await deployed({ name: 'hello', version })
})

afterAll(async () => {
  await machines.remove()
})

async function deployed(app: TestApp): Promise<void> {
  await cliOk(node, 'deploy', writeApp(machines.base, app))
}

async function row(app: string, version: string): Promise<AppRow | undefined> {
  return (await apps(node)).find((one) => one.app === app && one.version === version)
}

async function versions(app: string): Promise<readonly VersionRow[]> {
  return cliJson<VersionRow[]>(node, 'app', 'versions', app)
}

const activeOf = async (app: string): Promise<string | undefined> =>
  (await versions(app)).find((one) => one.active)?.version

describe('app', () => {
  test('rollback goes to the version before, and to a named one', async () => {
    expect(await cliOk(node, 'app', 'rollback', 'hello')).toMatch(/hello +1\.0\.0 +running/)
    expect(await activeOf('hello')).toBe('1.0.0')
    await cliOk(node, 'app', 'rollback', 'hello', '1.1.0')
    expect(await activeOf('hello')).toBe('1.1.0')
  })

  test('rollback says which versions there are', async () => {
    const result = await cli(node, 'app', 'rollback', 'hello', '9.9.9')
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/^Error APP_NOT_FOUND: .*no version 9\.9\.9/)
    expect(result.stderr).toMatch(/It has: .*1\.0\.0.*latest \(1\.1\.0\)/)
  })

  test('upgrade makes another version the active one', async () => {
    await cliOk(node, 'app', 'upgrade', 'hello@1.0.0')
    expect(await activeOf('hello')).toBe('1.0.0')
    expect(await cliOk(node, 'app', 'upgrade', 'hello')).toMatch(/hello +1\.1\.0/)
    expect(await activeOf('hello')).toBe('1.1.0')
  })

  test('start and stop take a version beside the active one', async () => {
    await cliOk(node, 'app', 'start', 'hello@1.0.0')
    expect([await row('hello', '1.0.0'), await row('hello', '1.1.0')]).toMatchObject([
      { state: 'running' },
      { state: 'running' },
    ])
    await cliOk(node, 'app', 'stop', 'hello@1.0.0')
    expect((await row('hello', '1.0.0'))?.pid).toBeNull()
  })

  test('tag gives names, which stand for versions, and lists them', async () => {
    await cliOk(node, 'app', 'tag', 'hello@1.0.0', 'demo')
    expect(await cliOk(node, 'app', 'tag', 'hello')).toMatch(/node-1 +demo +1\.0\.0/)
    expect(await cliJson(node, 'app', 'tag', 'hello')).toContainEqual({
      node: 'node-1',
      tag: 'latest',
      version: '1.1.0',
    })
    await cliOk(node, 'app', 'rollback', 'hello', 'demo')
    expect(await activeOf('hello')).toBe('1.0.0')
    await cliOk(node, 'app', 'tag', 'hello', 'demo', '--delete')
    expect((await versions('hello')).flatMap(({ tags }) => tags)).not.toContain('demo')
    const latest = await cli(node, 'app', 'tag', 'hello', 'latest')
    expect(latest).toMatchObject({ code: 2 })
    expect(latest.stderr).toMatch(/cannot be given as a tag/)
    expect((await cli(node, 'app', 'tag', 'hello@1.0.0')).code).toBe(2)
  })

  test('pin holds "stable" where it is, unpin lets it go', async () => {
    await cliOk(node, 'app', 'pin', 'hello@1.0.0')
    const pinned = (await versions('hello')).find(({ tags }) => tags.includes('stable'))
    expect(pinned?.version).toBe('1.0.0')
    await cliOk(node, 'app', 'unpin', 'hello')
    expect((await cli(node, 'app', 'unpin', 'hello')).stderr).toMatch(
      /^Error APP_NOT_FOUND: .*hello is not pinned$/m,
    )
  })

  test('remove --secure leaves nothing either', async () => {
    await deployed({ name: 'secret' })
    const dir = join(node.home, 'apps', 'secret')
    const program = openSync(join(dir, '1.0.0', 'files', 'bin', 'run'), 'r')
    await cliOk(node, 'app', 'remove', 'secret', '--secure')
    expect(existsSync(dir)).toBe(false)
    // Whoever has it open still sees what was there when it was deleted.
    const content = Buffer.alloc(fstatSync(program).size, 'x')
    readSync(program, content, 0, content.length, 0)
    closeSync(program)
    expect(content.length).toBeGreaterThan(0)
    expect(content.every((byte) => byte === 0)).toBe(true)
    expect(await row('secret', '1.0.0')).toBeUndefined()
  })
})

test('app list shows the versions of an app one after the other', async () => {
  await deployed({ name: 'between' })
  await deployed({ name: 'hello', version: '1.2.0' })
  const shown = (await cliOk(node, 'app', 'list')).matchAll(/^node-1 +(\S+)/gm)
  expect([...shown].map(([, app]) => app)).toEqual(['hello', 'hello', 'hello', 'between'])
  await cliOk(node, 'app', 'remove', 'between')
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

test('logs take a tag for a version, and refuse one that is not there', async () => {
  for (const version of ['1.0.0', '1.1.0', '1.2.0'])
    await deployed({ name: 'told', version, script: `echo this is ${version}; exec sleep 600` })
  await cliOk(node, 'app', 'tag', 'told@1.0.0', 'demo')
  await cliOk(node, 'app', 'remove', 'told@1.1.0')
  for (const at of ['told@demo', 'told@1.0.0']) {
    await until('its line is there', async () =>
      (await cliOk(node, 'logs', at)).includes('this is 1.0.0'),
    )
    expect(await cliOk(node, 'logs', at)).not.toContain('1.2.0')
  }
  for (const version of ['9.9.9', '1.1.0', 'no-tag']) {
    const { code, stdout, stderr } = await cli(node, 'logs', `told@${version}`)
    expect(stderr).toMatch(`Error APP_NOT_FOUND: node-1: told has no version ${version}`)
    expect(stderr).toMatch(/It has: .*1\.0\.0.*demo \(1\.0\.0\)/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  }
  expect((await cli(node, 'logs', 'told@1.1.0', '--kind', 'app,event')).code).toBe(0)
})

test('hooks run around the app and have a log of their own', async () => {
  const hook = Buffer.from('#!/bin/sh\necho "$P2P_PLAYGROUND_HOOK of $P2P_PLAYGROUND_APP"\n')
  await deployed({
    name: 'hooked',
    files: { 'bin/hook': hook },
    manifest: 'scripts: { pre_start: bin/hook, post_stop: bin/hook }\n',
  })
  await cliOk(node, 'app', 'stop', 'hooked')
  const lines = async (stream: string): Promise<string> =>
    cliOk(node, 'logs', 'hooked', '--stream', stream)
  expect(await lines('pre-start')).toMatch(/pre-start of hooked/)
  expect(await lines('post-stop')).toMatch(/post-stop of hooked/)
  expect(await lines('stdout')).not.toMatch(/of hooked/)
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
