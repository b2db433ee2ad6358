import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import type { NodeSummary } from '@p2p-playground/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FakeNode } from './testing/fake-node.js'
import { openProxy } from './testing/proxy.js'
import { World } from './testing/world.js'

let world: World
const fresh = (): AbortSignal => AbortSignal.timeout(10_000)

beforeEach(async () => {
  world = await World.make()
})

afterEach(async () => {
  await world.dispose()
})

/** What a new controller sees, as one CLI command would. */
async function list(known: readonly string[] = []): Promise<readonly NodeSummary[]> {
  const control = await world.control(known)
  try {
    return (await control.listNodes({}, fresh())).items
  } finally {
    await control.close()
  }
}

async function names(known?: readonly string[]): Promise<string[]> {
  return (await list(known)).map((one) => `${one.name ?? '?'} ${one.state}`)
}

/** As a running daemon would, for the programs of the same home. */
async function runHere(node: FakeNode, pid = process.pid): Promise<void> {
  await mkdir(dirname(world.home.runFile), { recursive: true })
  const { peerId, name, addresses, startedAtMs } = node.state.info
  const file = {
    pid,
    startTicks: 1,
    bootId: '',
    peerId,
    name,
    version: '0',
    addresses,
    startedAtMs,
  }
  await writeFile(world.home.runFile, JSON.stringify(file))
}

const peerOf = (node: FakeNode): { peerId: string; addresses: string[]; source: string } => ({
  peerId: node.peerId,
  addresses: [node.address],
  source: 'mdns',
})

describe('who is there', () => {
  it('knows the daemon of its home, and those that this one knows', async () => {
    const [local, near, visitor] = await Promise.all([
      world.node({ name: 'local' }),
      world.node({ name: 'near' }),
      world.node({ name: 'visitor' }),
    ])
    await runHere(local)
    local.state.peers = [peerOf(near), { ...peerOf(visitor), source: 'inbound' }]
    expect(await names()).toEqual(['local up', 'near up'])
  })

  it('asks the first node that answers for its peers when no daemon runs here', async () => {
    const [one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
    one.state.peers = [peerOf(two)]
    expect(await names([one.address])).toEqual(['one up', 'two up'])
  })

  it('leaves out a daemon of this home that is gone', async () => {
    const [local, other] = await Promise.all([
      world.node({ name: 'local' }),
      world.node({ name: 'other' }),
    ])
    await local.down()
    // Process numbers end below that.
    await runHere(local, 4_194_305)
    expect(await names([other.address])).toEqual(['other up'])
  })

  it('drops peers that are no nodes, and strangers that do not answer, without a word', async () => {
    const [one, controller, gone] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'a controller', hasService: false }),
      world.node({ name: 'gone' }),
    ])
    await gone.down()
    one.state.peers = [peerOf(controller), peerOf(gone)]
    expect(await names([one.address, controller.address])).toEqual(['one up'])
  })

  it('passes over what a node says of peers that cannot be', async () => {
    const [one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
    one.state.peers = [
      { peerId: 'nobody', addresses: [one.address], source: 'mdns' },
      { ...peerOf(two), addresses: ['over there'] },
      peerOf(two),
    ]
    expect(await names([one.address])).toEqual(['one up', 'two up'])
  })

  it('says why a node that is there refuses', async () => {
    const one = await world.node({ name: 'one' })
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role', { hint: 'Get it.' })
    expect(await list([one.address])).toMatchObject([
      { name: null, peerId: one.peerId, state: 'refused', reason: NO_KEY },
    ])
    const control = await world.control([one.address])
    const refusal = { code: 'AUTH_ROLE', message: NO_KEY }
    expect((await control.listApps({ target: {} }, fresh())).failures).toMatchObject([refusal])
    await expect(control.nodeInfo(one.peerId, fresh())).rejects.toMatchObject({ code: 'AUTH_ROLE' })
  })

  it('does not wait for ever for a node that does not answer', async () => {
    const [one, mute] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'mute' }),
    ])
    expect(await names([one.address, mute.address])).toEqual(['mute up', 'one up'])
    mute.state.isMute = true
    expect(await list()).toMatchObject([
      { name: 'mute', state: 'down', reason: 'the node did not answer in time' },
      { name: 'one', state: 'up' },
    ])
    // Nobody waits for it who did not ask for it.
    const control = await world.control()
    const begunMs = performance.now()
    await control.nodeInfo('one', fresh())
    expect(performance.now() - begunMs).toBeLessThan(1500)
  })

  it('gives up on an address where somebody accepts and says nothing', async () => {
    const [one, stalled] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'stalled' }),
    ])
    const proxy = await openProxy(stalled.port)
    world.onEnd(() => proxy.close())
    proxy.freeze()
    const begunMs = performance.now()
    expect(await list([one.address, stalled.addressAt(proxy.port)])).toMatchObject([
      { name: null, peerId: stalled.peerId, state: 'down' },
      { name: 'one', state: 'up' },
    ])
    expect(performance.now() - begunMs).toBeLessThan(5000)
  })

  it('refuses when there is nobody, and says what to do', async () => {
    await expect(list()).rejects.toMatchObject({
      code: 'NODE_NONE',
      hint: expect.stringMatching(/daemon start.*node add.*join.*PSK/) as string,
    })
  })

  it('listens for the name that nobody knows yet, and for a little while only', async () => {
    const one = await world.node({ name: 'one' })
    const control = await world.control([one.address], { mdns: true })
    const begunMs = performance.now()
    const nobody = control.nodeInfo('nobody', fresh())
    // The process is not kept busy meanwhile.
    await new Promise(setImmediate)
    expect(performance.now() - begunMs).toBeLessThan(400)
    await expect(nobody).rejects.toMatchObject({ code: 'NODE_NOT_FOUND' })
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(790)
    expect(performance.now() - begunMs).toBeLessThan(3000)
  })

  it('finds a node again that has moved', async () => {
    const [one, guide] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'guide' }),
    ])
    await names([one.address, guide.address])
    await one.move()
    guide.state.peers = [peerOf(one)]
    expect(await names()).toEqual(['guide up', 'one up'])
  })
})

describe('names', () => {
  it('means the live one of a name that a dead node has too', async () => {
    const [old, young] = await Promise.all([
      world.node({ name: 'web' }),
      world.node({ name: 'web' }),
    ])
    expect(await names([old.address, young.address])).toEqual(['web up', 'web up'])
    await old.down()
    const control = await world.control()
    expect(await control.nodeInfo('web', fresh())).toMatchObject({ peerId: young.peerId })
  })

  it('says how to get a node to whoever names one where there is none', async () => {
    const control = await world.control([])
    await expect(control.nodeInfo('web', fresh())).rejects.toMatchObject({
      code: 'NODE_NOT_FOUND',
      hint: expect.stringContaining('p2p-playground daemon start') as string,
    })
  })

  it('refuses a name that several live nodes have, and takes the PeerID instead', async () => {
    const [one, two] = await Promise.all([world.node({ name: 'web' }), world.node({ name: 'web' })])
    const control = await world.control([one.address, two.address])
    const ambiguous = control.nodeInfo('web', fresh())
    await expect(ambiguous).rejects.toMatchObject({ code: 'USAGE' })
    await expect(ambiguous).rejects.toThrow(one.peerId)
    await expect(ambiguous).rejects.toThrow(two.peerId)
    expect(await control.nodeInfo(two.peerId.slice(0, 20), fresh())).toMatchObject({ name: 'web' })
    await expect(control.nodeInfo(two.peerId.slice(0, 5), fresh())).rejects.toMatchObject({
      code: 'NODE_NOT_FOUND',
      message: expect.stringContaining('too short') as string,
      hint: expect.stringContaining('6 characters') as string,
    })
  })

  it('refuses a PeerID prefix that several have, however long they take to answer', async () => {
    const [one, slow] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'slow' }),
    ])
    expect(await names([one.address, slow.address])).toEqual(['one up', 'slow up'])
    slow.state.isMute = true
    const control = await world.control()
    // Every PeerID of an Ed25519 key begins like this.
    const ambiguous = control.nodeInfo('12D3KooW', fresh())
    await expect(ambiguous).rejects.toMatchObject({ code: 'USAGE' })
    await expect(ambiguous).rejects.toThrow(slow.peerId)
  })
})

describe('what is remembered', () => {
  it('is kept private, and found again by the next command', async () => {
    const one = await world.node({ name: 'one' })
    await names([one.address])
    const { mode } = await stat(world.home.nodes)
    expect(mode & 0o777).toBe(0o600)
    expect(await names()).toEqual(['one up'])
    await one.down()
    expect(await list()).toMatchObject([{ name: 'one', state: 'down' }])
  })

  it('forgets a node whose every address is another one’s now', async () => {
    const [old, other] = await Promise.all([
      world.node({ name: 'old' }),
      world.node({ name: 'other' }),
    ])
    await names([old.address, other.address])
    await old.down()
    await other.down()
    const made = await world.node({ name: 'new', port: old.port })
    expect(await names([made.address])).toEqual(['new up', 'other down'])
    expect(await names()).toEqual(['new up', 'other down'])
  })

  it('forgets none that answers, though another one says that it has the same addresses', async () => {
    const [one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
    // As in two containers, on machines of their own.
    for (const node of [one, two]) {
      const addresses = [`/ip4/172.17.0.2/tcp/4001/p2p/${node.peerId}`]
      node.state.info = { ...node.state.info, addresses }
    }
    expect(await names([one.address, two.address])).toEqual(['one up', 'two up'])
  })

  it('survives a damaged file, and writes it anew', async () => {
    const one = await world.node({ name: 'one' })
    await mkdir(dirname(world.home.nodes), { recursive: true })
    for (const text of ['', '{"peerId":', '{"nodes":1}', '[{"peerId":7}]']) {
      await writeFile(world.home.nodes, text)
      expect(await names([one.address])).toEqual(['one up'])
      expect(JSON.parse(await readFile(world.home.nodes, 'utf8'))).toMatchObject([{ name: 'one' }])
    }
  })

  it('loses nothing to controllers that write at once', async () => {
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => world.node({ name })))
    await names([nodes[0]?.address ?? ''])
    const [first, second] = await Promise.all([world.control(), world.control()])
    await first.addNode(nodes[1]?.address ?? '', fresh())
    await second.addNode(nodes[2]?.address ?? '', fresh())
    expect(await names()).toEqual(['a up', 'b up', 'c up'])
  })
})

describe('node add', () => {
  it('asks the node, remembers the address, and tells the daemon of this home', async () => {
    const [one, local] = await Promise.all([
      world.node({ name: 'one' }),
      world.node({ name: 'local' }),
    ])
    await runHere(local)
    const control = await world.control()
    expect(await control.addNode(one.address, fresh())).toMatchObject({ name: 'one', state: 'up' })
    expect(local.state.addedPeers).toEqual([one.address])
    expect(local.state.commands).toMatchObject([{ targetPeerId: local.peerId }])
    expect(await names()).toEqual(['local up', 'one up'])
  })

  it('remembers a node that refuses, too', async () => {
    const one = await world.node({ name: 'one' })
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role')
    const control = await world.control()
    await expect(control.addNode(one.address, fresh())).rejects.toThrow(NO_KEY)
    expect(await names()).toEqual(['? refused'])
    one.state.refusal = undefined
    expect(await names()).toEqual(['one up'])
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role')
    await expect(control.addNode(one.address, fresh())).rejects.toThrow(NO_KEY)
    expect(await names()).toEqual(['one refused'])
  })

  it('keeps the address that was given, also when the node does not know it', async () => {
    const one = await world.node({ name: 'one' })
    one.state.info = { ...one.state.info, addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${one.peerId}`] }
    const control = await world.control()
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
    const one = await world.node({ name: 'one' })
    const control = await world.control()
    await expect(control.addNode(address(one), fresh())).rejects.toMatchObject({ code })
    await expect(list()).rejects.toMatchObject({ code: 'NODE_NONE' })
  })

  it('refuses a peer that is no node', async () => {
    const peer = await world.node({ name: 'peer', hasService: false })
    const control = await world.control()
    const adding = control.addNode(peer.address, fresh())
    await expect(adding).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    await expect(adding).rejects.toThrow('is no node')
  })
})

const NO_KEY =
  'this machine has no signing key that the node trusts; command from a machine that has one'
const OTHER = '12D3KooWGRUVh7tZs6WVmHMGhrLVcZZ8aSuZxBSLZHBbc8bgMCKH'
