import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { NO_KEY, fleetOfEachTest, fresh } from './fleet.test.support.js'
import type { FakeNode } from './testing/fake-node.js'

const fleet = fleetOfEachTest()
const { list, names, runHere } = fleet

describe('what is remembered', () => {
  it('is kept private, and found again by the next command', async () => {
    const one = await fleet.world.node({ name: 'one' })
    await names([one.address])
    const { mode } = await stat(fleet.world.home.nodes)
    expect(mode & 0o777).toBe(0o600)
    expect(await names()).toEqual(['one up'])
    await one.down()
    expect(await list()).toMatchObject([{ name: 'one', state: 'down' }])
  })

  it('forgets a node whose every address is another one’s now', async () => {
    const [old, other] = await Promise.all([
      fleet.world.node({ name: 'old' }),
      fleet.world.node({ name: 'other' }),
    ])
    await names([old.address, other.address])
    await old.down()
    await other.down()
    const made = await fleet.world.node({ name: 'new', port: old.port })
    expect(await names([made.address])).toEqual(['new up', 'other down'])
    expect(await names()).toEqual(['new up', 'other down'])
  })

  it('forgets none that answers, though another one says that it has the same addresses', async () => {
    const [one, two] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'two' }),
    ])
    // As in two containers, on machines of their own.
    for (const node of [one, two]) {
      const addresses = [`/ip4/172.17.0.2/tcp/4001/p2p/${node.peerId}`]
      node.state.info = { ...node.state.info, addresses }
    }
    expect(await names([one.address, two.address])).toEqual(['one up', 'two up'])
  })

  it('survives a damaged file, and writes it anew', async () => {
    const one = await fleet.world.node({ name: 'one' })
    await mkdir(dirname(fleet.world.home.nodes), { recursive: true })
    for (const text of ['', '{"peerId":', '{"nodes":1}', '[{"peerId":7}]']) {
      await writeFile(fleet.world.home.nodes, text)
      expect(await names([one.address])).toEqual(['one up'])
      expect(JSON.parse(await readFile(fleet.world.home.nodes, 'utf8'))).toMatchObject([
        { name: 'one' },
      ])
    }
  })

  it('loses nothing to controllers that write at once', async () => {
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => fleet.world.node({ name })))
    await names([nodes[0]?.address ?? ''])
    const [first, second] = await Promise.all([fleet.world.control(), fleet.world.control()])
    await first.addNode(nodes[1]?.address ?? '', fresh())
    await second.addNode(nodes[2]?.address ?? '', fresh())
    expect(await names()).toEqual(['a up', 'b up', 'c up'])
  })
})

describe('node add', () => {
  it('asks the node, remembers the address, and tells the daemon of this home', async () => {
    const [one, local] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'local' }),
    ])
    await runHere(local)
    const control = await fleet.world.control()
    expect(await control.addNode(one.address, fresh())).toMatchObject({ name: 'one', state: 'up' })
    expect(local.state.addedPeers).toEqual([one.address])
    expect(local.state.commands).toMatchObject([{ targetPeerId: local.peerId }])
    expect(await names()).toEqual(['local up', 'one up'])
  })

  it('remembers a node that refuses, too', async () => {
    const one = await fleet.world.node({ name: 'one' })
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role')
    const control = await fleet.world.control()
    await expect(control.addNode(one.address, fresh())).rejects.toThrow(NO_KEY)
    expect(await names()).toEqual(['? refused'])
    one.state.refusal = undefined
    expect(await names()).toEqual(['one up'])
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role')
    await expect(control.addNode(one.address, fresh())).rejects.toThrow(NO_KEY)
    expect(await names()).toEqual(['one refused'])
  })

  it('keeps the address that was given, also when the node does not know it', async () => {
    const one = await fleet.world.node({ name: 'one' })
    one.state.info = { ...one.state.info, addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${one.peerId}`] }
    const control = await fleet.world.control()
    await control.addNode(one.address, fresh())
    expect(await names()).toEqual(['one up'])
    expect(await names()).toEqual(['one up'])
  })

  it.each([
    ['a text', 'NODE_ADDRESS', () => 'web-1:4001'],
    [
      'an address without a PeerID',
      'NODE_ADDRESS',
      (node: FakeNode) => node.address.replace(/\/p2p.*/, ''),
    ],
    [
      'another PeerID there',
      'NODE_UNREACHABLE',
      (node: FakeNode) => node.address.replace(/[^/]+$/, OTHER),
    ],
    ['nobody there', 'NODE_UNREACHABLE', () => `/ip4/127.0.0.1/tcp/1/p2p/${OTHER}`],
  ])('refuses %s with %s', async (_what, code, address) => {
    const one = await fleet.world.node({ name: 'one' })
    const control = await fleet.world.control()
    await expect(control.addNode(address(one), fresh())).rejects.toMatchObject({ code })
    await expect(list()).rejects.toMatchObject({ code: 'NODE_NONE' })
  })

  it('refuses a peer that is no node', async () => {
    const peer = await fleet.world.node({ name: 'peer', hasService: false })
    const control = await fleet.world.control()
    const adding = control.addNode(peer.address, fresh())
    await expect(adding).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    await expect(adding).rejects.toThrow('is no node')
  })
})

const OTHER = '12D3KooWGRUVh7tZs6WVmHMGhrLVcZZ8aSuZxBSLZHBbc8bgMCKH'
