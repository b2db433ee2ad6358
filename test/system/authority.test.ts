import { mkdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { Machines, apps, edit, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import type { DaemonStatus, Machine } from '../harness/machines.js'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../harness/processes.js'

/** A member of the network (it holds the PSK) is not yet somebody who may command. */
const machines = new Machines()
const owner = machines.machine('owner')
let status: DaemonStatus
let pid: number
let bundle: string

const COMMANDS = [
  ['deploy', () => ['deploy', bundle]],
  ['start', () => ['app', 'start', 'calm']],
  ['stop', () => ['app', 'stop', 'calm']],
  ['restart', () => ['app', 'restart', 'calm']],
  ['remove', () => ['app', 'remove', 'calm']],
] as const

beforeAll(async () => {
  const [first] = await startFleet([owner])
  if (first === undefined) throw new Error('no daemon')
  status = first
  const app = writeApp(machines.base, { name: 'calm' })
  bundle = machines.path('calm.p2p')
  await cliOk(owner, 'pack', app, '--out', bundle)
  await cliOk(owner, 'deploy', bundle)
  pid = (await apps(owner))[0]?.pid ?? 0
})

afterAll(async () => {
  await machines.remove()
})

/** A machine with the owner's PSK and a signing key of its own. */
async function makeMember(name: string): Promise<Machine> {
  const member = machines.machine(name)
  mkdirSync(member.home, { recursive: true, mode: 0o700 })
  const swarmKey = join(member.home, 'swarm.key')
  writeFileSync(swarmKey, '', { mode: 0o600 })
  edit(owner, 'swarm.key', (text) => {
    writeFileSync(swarmKey, text, { mode: 0o600 })
    return text
  })
  await cliOk(member, 'keygen', '--out', member.home)
  const controller = {
    p2p: { enable_mdns: false, psk_file: 'swarm.key', bootstrap_peers: status.addresses },
    security: { signing_key_path: 'signing.key' },
  }
  // JSON is YAML.
  writeFileSync(join(member.home, 'controller.yaml'), JSON.stringify(controller), { mode: 0o600 })
  return member
}

/** The owner's node, started again where it was, trusts the member's key. */
async function trust(member: Machine, limits: Readonly<Record<string, unknown>>): Promise<void> {
  const keyDir = machines.path(`${member.name}-key`)
  const { publicKey } = await cliJson<{ publicKey: string }>(member, 'keygen', '--out', keyDir)
  edit(member, 'controller.yaml', (text) =>
    text.replace('signing.key', join(keyDir, 'signing.key')),
  )
  await cliOk(owner, 'daemon', 'stop')
  const entry = JSON.stringify({ name: member.name, public_key: publicKey, ...limits })
  edit(owner, 'daemon.yaml', (text) => `${text}    - ${entry}\n`)
  const port = /\/tcp\/(\d+)/.exec(status.addresses[0] ?? '')?.[1] ?? ''
  edit(owner, 'daemon.yaml', (text) => text.replace('/tcp/0', `/tcp/${port}`))
  await startDaemon(owner)
}

describe('a key that no node trusts', () => {
  let guest: Machine

  beforeAll(async () => {
    guest = await makeMember('guest')
  })

  test.each(COMMANDS)('cannot %s', async (_, command) => {
    const refused = await cli(guest, ...command())
    expect(refused.stderr).toContain('AUTH_ROLE')
    expect(refused.code).toBe(6)
    expect(isAlive(pid)).toBe(true)
  })
})

describe('a key that may only observe', () => {
  let observer: Machine

  beforeAll(async () => {
    observer = await makeMember('observer')
    await trust(observer, { roles: ['observe'] })
  })

  test('sees the nodes and the apps', async () => {
    expect(await cliOk(observer, 'node', 'list')).toContain('owner')
    expect(await apps(observer)).toEqual([expect.objectContaining({ app: 'calm', pid })])
  })

  test.each(COMMANDS)('cannot %s', async (_, command) => {
    const refused = await cli(observer, ...command())
    expect(refused.stderr).toContain('AUTH_ROLE')
    expect(refused.code).toBe(6)
    expect(isAlive(pid)).toBe(true)
  })

  test('leaves a trace: refusals are events of the node, equal ones a number', async () => {
    // What was only counted is written down when the daemon ends.
    await cliOk(owner, 'daemon', 'stop')
    await startDaemon(owner)
    const events = await cliOk(owner, 'events')
    const refusals = [...events.matchAll(/refused +AUTH_ROLE .*?(?:; (\d+) more times?)?$/gm)]
    const times = refusals.map(([, more]) => Number(more ?? 1))
    expect(times.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(COMMANDS.length)
    expect(refusals.length).toBeLessThan(COMMANDS.length)
  })
})

describe('a key that is for some apps', () => {
  let tenant: Machine

  beforeAll(async () => {
    tenant = await makeMember('tenant')
    await trust(tenant, { roles: ['operate', 'observe'], apps: ['web-*'] })
    await cliOk(owner, 'deploy', writeApp(machines.base, { name: 'web-1' }))
  })

  test('sees the node, and of what is on it those apps', async () => {
    expect(await cliOk(tenant, 'node', 'list')).toContain('owner')
    expect((await apps(tenant)).map(({ app }) => app)).toEqual(['web-1'])
    const logs = await cliOk(tenant, 'logs', '--since', '1h', '--json')
    const about = logs
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { app: unknown }).app)
    expect(new Set(about)).toEqual(new Set(['web-1']))
    const events = await cliOk(tenant, 'events')
    expect(events).toContain('web-1')
    expect(events).not.toContain('calm')
  })

  test('commands those apps', async () => {
    await cliOk(tenant, 'app', 'stop', 'web-1')
    expect(await apps(tenant)).toEqual([expect.objectContaining({ state: 'stopped' })])
  })

  test('is told no name of another by way of a hint', async () => {
    // Nearer to what is asked for than any app that the key is for.
    await cliOk(owner, 'deploy', writeApp(machines.base, { name: 'wb-shop' }))
    const hint = 'See which there are with "p2p-playground app list".\n'
    for (const command of [
      ['app', 'stop', 'web-shop'],
      ['app', 'describe', 'web-shop'],
      ['logs', 'web-shop'],
    ]) {
      const [hidden, shown] = [await cli(tenant, ...command), await cli(owner, ...command)]
      expect(hidden.stderr).toMatch(/^Error APP_NOT_FOUND: .*\n/)
      expect(hidden.stderr.endsWith(`\n${hint}`)).toBe(true)
      expect(hidden.code).toBe(1)
      expect(shown.stderr).toContain(`\nDid you mean "wb-shop"? ${hint}`)
    }
    expect((await cli(tenant, 'app', 'stop', 'web-2')).stderr).toContain('Did you mean "web-1"?')
    await cliOk(owner, 'app', 'remove', 'wb-shop')
  })

  test.each<[string, string, readonly string[]]>([
    ['stop', 'operate', ['app', 'stop', 'calm']],
    ['describe', 'observe', ['app', 'describe', 'calm']],
    ['read the log of', 'observe', ['logs', 'calm']],
  ])('cannot %s another, which is an event', async (_, role, command) => {
    const refused = await cli(tenant, ...command)
    expect(refused.stderr).toContain('AUTH_ROLE')
    expect(refused.stdout).toBe('')
    expect(refused.code).toBe(6)
    expect(isAlive(pid)).toBe(true)
    const events = await cliOk(owner, 'events', '--tail', '5')
    expect(events).toMatch(new RegExp(`refused +AUTH_ROLE .* the role "${role}" for "calm"$`, 'm'))
  })
})

test('a home that never joined anything is told what to do', async () => {
  const alone = machines.machine('alone')
  const result = await cli(alone, 'app', 'list')
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/^Error NODE_NONE: /m)
})
