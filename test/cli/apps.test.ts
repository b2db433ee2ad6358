import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { apps, writeApp } from '../harness/machines.js'
import { isAlive } from '../harness/processes.js'
import { machines, one, startBoth } from './two-nodes.test.support.js'

/** What the commands about apps say to people and to scripts, over real daemons. */
beforeAll(async () => {
  await startBoth()
})

afterAll(async () => {
  await machines.remove()
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
