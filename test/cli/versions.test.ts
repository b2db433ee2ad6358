import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { Machines, startFleet } from '../harness/machines.js'
import { until } from '../harness/processes.js'
import { versionsOn } from './versions.test.support.js'

/** Several versions of an app on one node, through the executable. */
const machines = new Machines()
const node = machines.machine('node-1')
const { activeOf, deployed, row, versions } = versionsOn(node)

beforeAll(async () => {
  await startFleet([node])
  for (const version of ['1.0.0', '1.1.0']) await deployed({ name: 'hello', version })
})

afterAll(async () => {
  await machines.remove()
})

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
