import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arrivedBytes, packBig } from '../harness/big-package.js'
import { cli, cliJson, cliOk } from '../harness/command.js'
import { Machines, apps, crashDaemon, startDaemon } from '../harness/machines.js'
import type { Machine } from '../harness/machines.js'
import { makeNetwork, whyNoNetwork } from '../harness/network.js'
import type { Network } from '../harness/network.js'
import { until } from '../harness/processes.js'

const why = whyNoNetwork()
if (why !== undefined) process.stderr.write(`nodes that share a machine: left out, ${why}\n`)

const MB = 1024 * 1024
const PAYLOAD = 64 * MB
const NAMES = ['alpha', 'beta', 'gamma']

interface Deployed {
  readonly node: string
  readonly phase: string
  readonly reusedBytes: number
  readonly copiedBytes: number
}

/** Whoever deploys is on one host, three nodes are on another. */
describe.skipIf(why !== undefined)('nodes that share another machine', () => {
  const machines = new Machines()
  let network: Network
  let controller: Machine
  let nodes: Machine[]

  beforeAll(async () => {
    network = makeNetwork(2)
    controller = machines.machine('controller', network.hosts[0])
    nodes = NAMES.map((name) => machines.machine(name, network.hosts[1]))
    const listen = `/ip4/${network.address(1)}/tcp/0`
    await cliOk(controller, 'init', '--name', controller.name, '--no-mdns')
    const { token } = await cliJson<{ token: string }>(controller, 'invite')
    for (const node of nodes) {
      await cliOk(node, 'join', token, '--name', node.name, '--listen', listen, '--no-mdns')
      await startAndAdd(node)
    }
  })

  afterAll(async () => {
    await machines.remove()
    network.remove()
  })

  test('are sent a package once, and copy it from each other', async () => {
    const bundle = await packed('1.0.0')
    const before = receivedBytes()
    const results = await cliJson<Deployed[]>(controller, 'deploy', bundle)
    expect(results.map(({ phase }) => phase)).toEqual(['done', 'done', 'done'])
    const whole = statSync(bundle).size
    expect(results.map(({ copiedBytes }) => copiedBytes).toSorted()).toEqual([0, whole, whole])
    expect(receivedBytes() - before).toBeGreaterThan(whole)
    expect(receivedBytes() - before).toBeLessThan(1.5 * whole)
    for (const { home, name } of nodes) {
      const kept = readdirSync(join(home, 'packages')).map((one) => join(home, 'packages', one))
      expect(kept.map(sha256), name).toEqual([sha256(bundle)])
    }
    const running = (await apps(controller)).filter(({ state }) => state === 'running')
    expect(running.map(({ node }) => node).toSorted()).toEqual(NAMES)
  })

  test('are sent it each with --no-local-copy', async () => {
    const bundle = await packed('1.1.0')
    const before = receivedBytes()
    const results = await cliJson<Deployed[]>(controller, 'deploy', bundle, '--no-local-copy')
    expect(results.map(({ phase, copiedBytes }) => `${phase} ${String(copiedBytes)}`)).toEqual([
      ...['done 0', 'done 0', 'done 0'],
    ])
    expect(receivedBytes() - before).toBeGreaterThan(3 * PAYLOAD)
  })

  test('do not wait for one that dies while it is sent the package', async () => {
    const { bundle, results, killed } = await cutInTheMiddle()
    expect(results.map(({ phase }) => phase).toSorted()).toEqual(['done', 'done', 'failed'])
    expect(results.find(({ phase }) => phase === 'failed')?.node).toBe(killed)
    const others = results.filter(({ phase }) => phase === 'done')
    expect(others.map(({ copiedBytes }) => copiedBytes).toSorted()).toEqual([
      0,
      statSync(bundle).size,
    ])
  })

  /** Kills the daemon that is sent the package first. On a busy machine one may be through before it is seen. */
  async function cutInTheMiddle(): Promise<{
    readonly bundle: string
    readonly results: readonly Deployed[]
    readonly killed: string
  }> {
    for (let patch = 0; patch < 5; patch += 1) {
      const bundle = await packed(`1.2.${String(patch)}`)
      let isOver = false
      const deploying = cli(controller, 'deploy', bundle, '--json').finally(() => (isOver = true))
      let leader: Machine | undefined
      await until('a part has arrived', () => {
        leader = nodes.find((node) => arrivedBytes(node.home) > 4 * MB)
        return isOver || leader !== undefined
      })
      if (leader !== undefined) await crashDaemon(leader)
      const { code, stdout } = await deploying
      if (leader !== undefined) await startAndAdd(leader)
      if (leader === undefined || code === 0) continue
      return { bundle, results: JSON.parse(stdout) as Deployed[], killed: leader.name }
    }
    throw new Error('each transfer was through before it could be cut')
  }

  async function startAndAdd(node: Machine): Promise<void> {
    const { addresses } = await startDaemon(node)
    await cliOk(controller, 'node', 'add', addresses[0] ?? '')
  }

  async function packed(version: string): Promise<string> {
    return packBig(machines, controller, { version, sizeBytes: PAYLOAD })
  }

  /** By the machine of the nodes, from others. */
  function receivedBytes(): number {
    const show = ['netns', 'exec', network.hosts[1] ?? '', 'cat', '/proc/net/dev']
    const { stdout } = spawnSync('ip', show, { encoding: 'utf8' })
    return Number(/eth0: *(\d+)/.exec(stdout)?.[1])
  }
})

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
