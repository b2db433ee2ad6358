import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk, follow } from '../harness/command.js'
import { LOOPBACK, Machines, startFleet, writeApp } from '../harness/machines.js'
import type { AppRow } from '../harness/machines.js'

/** Commands that mean several nodes, of which some cannot obey. */
const machines = new Machines()
const alpha = machines.machine('alpha')
const beta = machines.machine('beta')

let address: string

beforeAll(async () => {
  const [status] = await startFleet([alpha, beta])
  address = status?.addresses[0] ?? ''
  await deploy('1.1.0')
  await deploy('1.2.0', '--node', 'alpha')
})

afterAll(async () => {
  await machines.remove()
})

async function deploy(version: string, ...flags: readonly string[]): Promise<void> {
  await cliOk(alpha, 'deploy', writeApp(machines.base, { name: 'hello', version }), ...flags)
}

describe('app list of a name', () => {
  test.each([
    ['hello', ['alpha 1.1.0', 'alpha 1.2.0', 'beta 1.1.0']],
    ['hello@1.2.0', ['alpha 1.2.0']],
    ['hello@latest', ['alpha 1.2.0', 'beta 1.1.0']],
  ])('shows %s', async (name, shown) => {
    const rows = await cliJson<AppRow[]>(alpha, 'app', 'list', name)
    expect(rows.map(({ node, version }) => `${node} ${version}`)).toEqual(shown)
  })

  test('that is none says what other commands say', async () => {
    const words = ['none', '--node', 'alpha']
    const [listed, described] = await Promise.all(
      ['list', 'describe'].map(async (command) => cli(alpha, 'app', command, ...words)),
    )
    expect(listed?.stderr).toMatch(/^Error APP_NOT_FOUND: alpha: there is no app "none" on this/)
    expect(listed).toEqual(described)
    const { code, stderr } = await cli(alpha, 'app', 'list', 'hello@9.9.9')
    expect(stderr).toMatch(
      /^Error APP_NOT_FOUND: alpha: hello has no version 9\.9\.9 on this node \(and 1 more node\)$/m,
    )
    expect(stderr).toMatch(/^It has: 1\.1\.0, 1\.2\.0; tags: latest \(1\.2\.0\), dev \(1\.2\.0\)/m)
    expect(code).toBe(1)
    for (const command of [
      ['app', 'list', 'hello@9.9.9'],
      ['app', 'start', 'hello@9.9.9'],
      ['app', 'pin', 'hello@9.9.9'],
      ['logs', 'hello@9.9.9'],
    ]) {
      const { stdout } = await cli(alpha, ...command, '--json')
      const hint = expect.stringMatching(/^It has: 1\.1\.0, 1\.2\.0; tags: latest/) as string
      expect(JSON.parse(stdout), command.join(' ')).toMatchObject({
        error: { code: 'APP_NOT_FOUND', hint, details: { failures: [{ hint }, { node: 'beta' }] } },
      })
    }
  })
})

describe('a node that has the app and cannot obey is a warning and exit 3', () => {
  test('of app pin', async () => {
    const { code, stdout, stderr } = await cli(alpha, 'app', 'pin', 'hello@1.2.0')
    expect(stderr).toMatch(
      /^Warning: beta: APP_NOT_FOUND: hello has no version 1\.2\.0.*\nIt has: 1\.1\.0; tags: .*\n$/,
    )
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'pinned hello@1.2.0\n' })
    expect((await cli(alpha, 'app', 'unpin', 'hello')).code).toBe(3)
  })

  test('of app rollback', async () => {
    const { code, stdout, stderr } = await cli(alpha, 'app', 'rollback', 'hello')
    expect(stderr).toMatch(/^Warning: beta: APP_NOT_FOUND: hello has no version to go back to/)
    expect(stdout).toMatch(/^alpha +hello +1\.1\.0 +running/m)
    expect(code).toBe(3)
    const rows = await cliJson<AppRow[]>(alpha, 'app', 'upgrade', 'hello')
    expect(rows.map(({ node, version }) => [node, version])).toEqual([
      ['alpha', '1.2.0'],
      ['beta', '1.1.0'],
    ])
  })
})

test('deploy tells, beside the table, what to do on a node that refuses', async () => {
  const older = writeApp(machines.base, { name: 'hello', version: '1.1.5' })
  const { code, stdout, stderr } = await cli(alpha, 'deploy', older)
  expect(stdout).toMatch(/^alpha +failed .*APP_DOWNGRADE/m)
  expect(stderr).toMatch(/^Warning: alpha: APP_DOWNGRADE: .*\n.*--allow-downgrade/m)
  expect(code).toBe(3)
  const json = await cli(alpha, 'deploy', older, '--json')
  expect(json).toMatchObject({ code: 3, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject([
    { failure: { hint: expect.stringContaining('--allow-downgrade') as string } },
    { failure: null },
  ])
})

describe('a machine without a signing key', () => {
  const NO_KEY = /this machine has no signing key that the node trusts; command from a machine/

  test('sees its own node as one that refuses, not as down', async () => {
    const list = await cliOk(beta, 'node', 'list')
    expect(list).toMatch(/^beta +refused /m)
    expect(list).toMatch(NO_KEY)
  })

  test('lists a node that it was refused by when it added it', async () => {
    const gamma = machines.machine('gamma')
    const { token } = await cliJson<{ token: string }>(alpha, 'invite')
    await cliOk(gamma, 'join', token, ...LOOPBACK)
    const { code, stderr } = await cli(gamma, 'node', 'add', address)
    expect(stderr).toMatch(NO_KEY)
    expect(code).toBe(6)
    expect(await cliOk(gamma, 'node', 'list')).toMatch(/^\? +refused /m)
  })
})

describe('--labels while a node is down', () => {
  const app = (name: string): string => writeApp(machines.base, { name })

  beforeAll(async () => {
    await cliOk(beta, 'daemon', 'stop')
  })

  test('warns of it, and ends with 3', async () => {
    const deployed = await cli(alpha, 'deploy', app('south'), '--labels', 'region!=north')
    expect(deployed.stdout).toMatch(/^beta +failed .*labels of beta are not known: it does not/m)
    expect(deployed.code).toBe(3)
    const stopped = await cli(alpha, 'app', 'stop', 'south', '--labels', 'region!=north')
    expect(stopped.stderr).toMatch(/^Warning: beta: NODE_UNREACHABLE: labels of beta are not known/)
    expect(stopped.code).toBe(3)
  })

  test('names it where nodes are listed, which have no more fields for that', async () => {
    const all = await cliJson<{ name: string }[]>(alpha, 'node', 'list')
    const { code, stdout, stderr } = await cli(
      alpha,
      ...['node', 'list', '--labels', 'region!=north', '--json'],
    )
    expect(stderr).toBe(
      'Warning: left out, since their labels are not known: beta ("p2p-playground node list" says why)\n',
    )
    const listed = JSON.parse(stdout) as { name: string }[]
    expect(listed.map(({ name }) => name)).toEqual(['alpha'])
    expect(Object.keys(listed[0] ?? {})).toEqual(Object.keys(all[0] ?? {}))
    expect(code).toBe(0)
    const named = await cli(alpha, 'node', 'list', '--node', 'alpha', '--labels', 'region!=north')
    expect(named).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([[['events']], [['logs']], [['app', 'list']], [['app', 'versions', 'hello']]])(
    'warns of it in %j',
    async (command) => {
      const { code, stderr } = await cli(alpha, ...command, '--labels', 'region!=north')
      expect(stderr).toMatch(/^Warning: beta: NODE_UNREACHABLE: labels of beta are not known/m)
      expect(code).toBe(3)
    },
  )

  test.each(['events', 'logs'])('warns of it in %s --follow', async (command) => {
    const following = follow(alpha, command, '--follow', '--labels', 'region!=north')
    await following.until(/^Warning: .*labels of beta are not known/m)
    following.child.kill('SIGINT')
    expect(await following.ended).toBe(0)
  })

  test('names it where nodes are watched', async () => {
    const watching = follow(alpha, 'node', 'events', '--labels', 'region!=north')
    await watching.until(/ up .*alpha/)
    watching.child.kill('SIGINT')
    expect(await watching.ended).toBe(0)
    expect(watching.text()).toMatch(
      /^Warning: left out, since their labels are not known: beta \("p2p-playground node list" says why\)$/m,
    )
  })

  test('says so where no other is meant', async () => {
    const { code, stderr } = await cli(alpha, 'app', 'list', '--labels', 'region=south')
    expect(stderr).toMatch(
      /^Error NODE_NONE: .*region=south; labels of beta are not known: it does/,
    )
    expect(code).toBe(1)
  })
})
