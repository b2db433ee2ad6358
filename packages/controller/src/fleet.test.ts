import { PlaygroundError } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { NO_KEY, fleetOfEachTest, fresh, peerOf } from './fleet.test.support.js'
import { openProxy } from './testing/proxy.js'

const fleet = fleetOfEachTest()
const { list, names, runHere } = fleet

describe('who is there', () => {
  it('knows the daemon of its home, and those that this one knows', async () => {
    const [local, near, visitor] = await Promise.all([
      fleet.world.node({ name: 'local' }),
      fleet.world.node({ name: 'near' }),
      fleet.world.node({ name: 'visitor' }),
    ])
    await runHere(local)
    local.state.peers = [peerOf(near), { ...peerOf(visitor), source: 'inbound' }]
    expect(await names()).toEqual(['local up', 'near up'])
  })

  it('asks the first node that answers for its peers when no daemon runs here', async () => {
    const [one, two] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'two' }),
    ])
    one.state.peers = [peerOf(two)]
    expect(await names([one.address])).toEqual(['one up', 'two up'])
  })

  it('leaves out a daemon of this home that is gone', async () => {
    const [local, other] = await Promise.all([
      fleet.world.node({ name: 'local' }),
      fleet.world.node({ name: 'other' }),
    ])
    await local.down()
    // Process numbers end below that.
    await runHere(local, 4_194_305)
    expect(await names([other.address])).toEqual(['other up'])
  })

  it('drops peers that are no nodes, and strangers that do not answer, without a word', async () => {
    const [one, controller, gone] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'a controller', hasService: false }),
      fleet.world.node({ name: 'gone' }),
    ])
    await gone.down()
    one.state.peers = [peerOf(controller), peerOf(gone)]
    expect(await names([one.address, controller.address])).toEqual(['one up'])
  })

  it('passes over what a node says of peers that cannot be', async () => {
    const [one, two] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'two' }),
    ])
    one.state.peers = [
      { peerId: 'nobody', addresses: [one.address], source: 'mdns' },
      { ...peerOf(two), addresses: ['over there'] },
      peerOf(two),
    ]
    expect(await names([one.address])).toEqual(['one up', 'two up'])
  })

  it('says why a node that is there refuses', async () => {
    const one = await fleet.world.node({ name: 'one' })
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'this needs a role', { hint: 'Get it.' })
    expect(await list([one.address])).toMatchObject([
      { name: null, peerId: one.peerId, state: 'refused', reason: NO_KEY },
    ])
    const control = await fleet.world.control([one.address])
    const refusal = { code: 'AUTH_ROLE', message: NO_KEY }
    expect((await control.listApps({ target: {} }, fresh())).failures).toMatchObject([refusal])
    await expect(control.nodeInfo(one.peerId, fresh())).rejects.toMatchObject({ code: 'AUTH_ROLE' })
  })

  it('does not wait for ever for a node that does not answer', async () => {
    const [one, mute] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'mute' }),
    ])
    expect(await names([one.address, mute.address])).toEqual(['mute up', 'one up'])
    mute.state.isMute = true
    expect(await list()).toMatchObject([
      { name: 'mute', state: 'down', reason: 'the node did not answer in time' },
      { name: 'one', state: 'up' },
    ])
    // Nobody waits for it who did not ask for it.
    const control = await fleet.world.control()
    const begunMs = performance.now()
    await control.nodeInfo('one', fresh())
    expect(performance.now() - begunMs).toBeLessThan(1500)
  })

  it('gives up on an address where somebody accepts and says nothing', async () => {
    const [one, stalled] = await Promise.all([
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'stalled' }),
    ])
    const proxy = await openProxy(stalled.port)
    fleet.world.onEnd(() => proxy.close())
    proxy.freeze()
    const begunMs = performance.now()
    expect(await list([one.address, stalled.addressAt(proxy.port)])).toMatchObject([
      { name: null, peerId: stalled.peerId, state: 'down' },
      { name: 'one', state: 'up' },
    ])
    expect(performance.now() - begunMs).toBeLessThan(5000)
  })

  it('finds a node on the other side of the world', async () => {
    const far = await fleet.world.node({ name: 'far' })
    const proxy = await openProxy(far.port, 250)
    fleet.world.onEnd(() => proxy.close())
    expect(await names([far.addressAt(proxy.port)])).toEqual(['far up'])
  })

  it('refuses when there is nobody, and says what to do', async () => {
    await expect(list()).rejects.toMatchObject({
      code: 'NODE_NONE',
      hint: expect.stringMatching(/daemon start.*node add.*join.*PSK/) as string,
    })
  })

  it('listens for the name that nobody knows yet, and for a little while only', async () => {
    const one = await fleet.world.node({ name: 'one' })
    const control = await fleet.world.control([one.address], { mdns: true })
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
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'guide' }),
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
      fleet.world.node({ name: 'web' }),
      fleet.world.node({ name: 'web' }),
    ])
    expect(await names([old.address, young.address])).toEqual(['web up', 'web up'])
    await old.down()
    const control = await fleet.world.control()
    expect(await control.nodeInfo('web', fresh())).toMatchObject({ peerId: young.peerId })
  })

  it('says how to get a node to whoever names one where there is none', async () => {
    const control = await fleet.world.control([])
    await expect(control.nodeInfo('web', fresh())).rejects.toMatchObject({
      code: 'NODE_NOT_FOUND',
      hint: expect.stringContaining('p2p-playground daemon start') as string,
    })
  })

  it('refuses a name that several live nodes have, and takes the PeerID instead', async () => {
    const [one, two] = await Promise.all([
      fleet.world.node({ name: 'web' }),
      fleet.world.node({ name: 'web' }),
    ])
    const control = await fleet.world.control([one.address, two.address])
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
      fleet.world.node({ name: 'one' }),
      fleet.world.node({ name: 'slow' }),
    ])
    expect(await names([one.address, slow.address])).toEqual(['one up', 'slow up'])
    slow.state.isMute = true
    const control = await fleet.world.control()
    // Every PeerID of an Ed25519 key begins like this.
    const ambiguous = control.nodeInfo('12D3KooW', fresh())
    await expect(ambiguous).rejects.toMatchObject({ code: 'USAGE' })
    await expect(ambiguous).rejects.toThrow(slow.peerId)
  })
})
