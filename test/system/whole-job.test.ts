import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, cliJson, cliOk, follow } from '../harness/command.js'
import { Machines, apps, edit, startDaemon, writeApp } from '../harness/machines.js'
import type { DaemonStatus, Machine } from '../harness/machines.js'
import { makeNetwork, whyNoNetwork } from '../harness/network.js'
import type { Network } from '../harness/network.js'
import { isAlive, until } from '../harness/processes.js'

const why = whyNoNetwork()
if (why !== undefined) process.stderr.write(`whole job on a network: left out, ${why}\n`)

interface NodeRow {
  readonly name: string | null
  readonly state: string
}

const NODES = ['node-1', 'node-2', 'node-3']
const QUIC = '/ip4/0.0.0.0/udp/4001/quic-v1'

/** A controller, three nodes and three strangers, each in a network namespace; they find each other by mDNS. */
describe.runIf(why === undefined)('on machines of their own', () => {
  const machines = new Machines()
  let network: Network
  let controller: Machine
  let nodes: Machine[]
  let statuses: DaemonStatus[]
  let bundle: string

  beforeAll(async () => {
    network = makeNetwork(7)
    controller = machines.machine('controller', network.hosts[0])
    nodes = NODES.map((name, index) => machines.machine(name, network.hosts[index + 1]))
    await cliOk(controller, 'init', '--name', controller.name)
    const { token } = await cliJson<{ token: string }>(controller, 'invite')
    const listen = ['--listen', '/ip4/0.0.0.0/tcp/4001', '--listen', QUIC]
    statuses = await Promise.all(
      nodes.map(async (node) => {
        await cliOk(node, 'join', token, '--name', node.name, ...listen)
        return startDaemon(node)
      }),
    )
    const app = writeApp(machines.base, {
      name: 'ticker',
      script: 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.2; done',
      manifest: 'health_check: { type: process, interval: 1s }\n',
    })
    bundle = machines.path('ticker.p2p')
    await cliOk(controller, 'pack', app, '--out', bundle)
  })

  afterAll(async () => {
    await machines.remove()
    network.remove()
  })

  test('the controller finds all nodes by mDNS', async () => {
    await until('three nodes are up', async () => (await names(controller)).length === 3)
    expect(await names(controller)).toEqual(NODES)
  })

  test('an app is deployed to all of them and becomes healthy', async () => {
    await cliOk(controller, 'deploy', bundle)
    const rows = await apps(controller)
    expect(rows.map(({ node, state }) => `${node} ${state}`).sort()).toEqual(
      NODES.map((name) => `${name} healthy`),
    )
  })

  test('its log is followed from all nodes at once', async () => {
    const followed = follow(controller, 'logs', 'ticker', '--follow', '--tail', '1')
    for (const name of NODES) {
      await followed.until(new RegExp(`${name} .*tick \\d+\\n[^]*${name} .*tick \\d+\\n`))
    }
    followed.child.kill('SIGINT')
    expect(await followed.ended).toBe(0)
  })

  test('a large package is sent to them, though its path is the same for all', async () => {
    const app = writeApp(machines.base, {
      name: 'large',
      script: 'exec sleep 600',
      files: { payload: randomBytes(17_000_000) },
    })
    const large = machines.path('large.p2p')
    await cliOk(controller, 'pack', app, '--out', large)
    const results = await cliJson<{ phase: string; copiedBytes: number }[]>(
      controller,
      ...['deploy', large],
    )
    expect(results.map(({ phase, copiedBytes }) => ({ phase, copiedBytes }))).toEqual(
      NODES.map(() => ({ phase: 'done', copiedBytes: 0 })),
    )
    await cliOk(controller, 'app', 'remove', 'large')
  })

  describe('strangers who hold the trusted signing key', () => {
    let otherPsk: Machine
    let noPsk: Machine

    beforeAll(async () => {
      otherPsk = machines.machine('other-psk', network.hosts[4])
      noPsk = machines.machine('no-psk', network.hosts[5])
      for (const stranger of [otherPsk, noPsk]) {
        takeKey(stranger)
        await cliOk(stranger, 'init', '--name', stranger.name)
      }
      dropPsk(noPsk)
      await Promise.all([otherPsk, noPsk].map(startDaemon))
    })

    test.each(['other-psk', 'no-psk'])('%s sees no node but its own', async (name) => {
      const stranger = name === 'no-psk' ? noPsk : otherPsk
      expect(await names(stranger)).toEqual([name])
    })

    test.each(['other-psk', 'no-psk'])('%s gets no call to a node through', async (name) => {
      const stranger = name === 'no-psk' ? noPsk : otherPsk
      const address = `/ip4/${network.address(1)}/tcp/4001/p2p/${statuses[0]?.peerId ?? ''}`
      const added = await cli(stranger, 'node', 'add', address)
      expect(added.code, added.stderr).not.toBe(0)
      expect(added.stderr).toMatch(/NODE_UNREACHABLE|AUTH_MEMBERSHIP/)
    })

    test('the controller does not see them either', async () => {
      expect(await names(controller)).toEqual(NODES)
    })

    test('one without the PSK is turned away on QUIC, which knows no private networks', async () => {
      const stranger = machines.machine('over-quic', network.hosts[6])
      takeKey(stranger)
      await cliOk(stranger, 'init', '--name', stranger.name)
      dropPsk(stranger)
      edit(stranger, 'controller.yaml', (text) =>
        text.replace('p2p:', `p2p:\n  listen_addresses: ["/ip4/0.0.0.0/udp/0/quic-v1"]`),
      )
      const address = `/ip4/${network.address(1)}/udp/4001/quic-v1/p2p/${statuses[0]?.peerId ?? ''}`
      const added = await cli(stranger, 'node', 'add', address)
      expect(added.stderr).toContain('AUTH_MEMBERSHIP')
      expect(added.code).toBe(6)
      const events = await cliOk(controller, 'events', '--node', 'node-1')
      expect(events).toMatch(/refused +AUTH_MEMBERSHIP/)
    })

    test('a member does the same over QUIC', async () => {
      const member = machines.machine('member', network.hosts[6])
      takeKey(member)
      mkdirSync(member.home, { recursive: true, mode: 0o700 })
      for (const file of ['swarm.key', 'controller.yaml']) {
        copyFileSync(join(controller.home, file), join(member.home, file))
      }
      edit(member, 'controller.yaml', (text) =>
        text.replace(
          /enable_mdns: \w+/,
          'enable_mdns: false\n  listen_addresses: ["/ip4/0.0.0.0/udp/0/quic-v1"]',
        ),
      )
      const address = `/ip4/${network.address(1)}/udp/4001/quic-v1/p2p/${statuses[0]?.peerId ?? ''}`
      expect(await cliOk(member, 'node', 'add', address)).toContain('node-1')
    })
  })

  test('stop leaves no process, remove leaves no app', async () => {
    const pids = (await apps(controller)).map(({ pid }) => pid ?? 0)
    expect(pids.every(isAlive)).toBe(true)
    await cliOk(controller, 'app', 'stop', 'ticker')
    expect(pids.filter(isAlive)).toEqual([])
    await cliOk(controller, 'app', 'remove', 'ticker')
    expect(await apps(controller)).toEqual([])
  })

  async function names(machine: Machine): Promise<(string | null)[]> {
    const { code, stdout } = await cli(machine, 'node', 'list', '--json')
    if (code !== 0) return []
    const rows = JSON.parse(stdout) as NodeRow[]
    return rows
      .filter(({ state }) => state === 'up')
      .map(({ name }) => name)
      .sort()
  }

  /** Membership alone is what is tried: the role could be proved. */
  function takeKey(stranger: Machine): void {
    mkdirSync(stranger.home, { recursive: true, mode: 0o700 })
    for (const file of ['signing.key', 'signing.pub']) {
      copyFileSync(join(controller.home, file), join(stranger.home, file))
    }
  }

  function dropPsk(stranger: Machine): void {
    rmSync(join(stranger.home, 'swarm.key'))
    for (const file of ['daemon.yaml', 'controller.yaml']) {
      edit(stranger, file, (text) => text.replace(/^ *psk_file:.*\n/m, ''))
    }
  }
})
