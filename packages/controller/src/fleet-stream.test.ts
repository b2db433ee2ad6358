import type { LogQuery } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core'
import { waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Follower, UNTIL } from './fleet-stream.test.support.js'
import { fastClock } from './testing/fast-clock.js'
import type { FakeNode } from './testing/fake-node.js'
import { openProxy } from './testing/proxy.js'
import type { Proxy } from './testing/proxy.js'
import { World } from './testing/world.js'

let world: World
let one: FakeNode
let proxy: Proxy

beforeEach(async () => {
  world = await World.make()
  one = await world.node({ name: 'one' })
  one.install('web')
  proxy = await openProxy(one.port)
  world.onEnd(() => proxy.close())
  // The only way to it leads through the proxy.
  one.state.info = { ...one.state.info, addresses: [one.addressAt(proxy.port)] }
})

afterEach(async () => {
  await world.dispose()
})

async function follow(
  query: Partial<LogQuery> = {},
  options: { readonly known?: readonly string[]; readonly times?: number } = {},
): Promise<Follower> {
  const known = options.known ?? [one.addressAt(proxy.port)]
  const control = await world.control(known, { clock: fastClock(options.times ?? 1) })
  const follower = new Follower()
  const request = { app: 'web', target: {}, follow: true, ...query }
  follower.read(control.logs(request, follower.stop.signal))
  world.onEnd(async () => {
    follower.stop.abort()
    await follower.ended
  })
  return follower
}

describe('following logs', () => {
  it('gives what is stored, then what comes, and ends when nobody follows', async () => {
    one.write('a')
    const follower = await follow()
    await follower.has('a')
    one.write('b')
    await follower.has('a', 'b')
    follower.stop.abort()
    await follower.ended
    expect(follower.failures).toEqual([])
  })

  it('goes on behind a cut without gap or repeat, and says nothing of it', async () => {
    const follower = await follow()
    const expected: string[] = []
    for (let round = 1; round <= 4; round += 1) {
      for (const part of ['before', 'after']) {
        const line = `${String(round)} ${part}`
        expected.push(line)
        one.write(line)
        if (part === 'before') proxy.cut()
      }
      await follower.has(...expected)
    }
    expect(follower.failures).toEqual([])
  })

  it('says once that a node is down, and goes on when it is back', async () => {
    one.write('a')
    const follower = await follow({}, { times: 10 })
    await follower.has('a')
    await one.down()
    await follower.hasFailures('NODE_UNREACHABLE')
    one.write('while it was away')
    await one.up()
    await follower.has('a', 'while it was away')
    await one.down()
    await follower.hasFailures('NODE_UNREACHABLE', 'NODE_UNREACHABLE')
    await one.up()
    one.write('b')
    await follower.has('a', 'while it was away', 'b')
    expect(follower.failures[0]).toMatchObject({ node: 'one', peerId: one.peerId })
  })

  it('notices a node that fell silent without closing anything', async () => {
    one.write('a')
    const follower = await follow({}, { times: 50 })
    await follower.has('a')
    proxy.freeze()
    await follower.hasFailures('NODE_UNREACHABLE')
  })

  it.each([
    ['a few', 2, ['2', '3']],
    ['one', 1, ['3']],
    ['none', 0, []],
  ])('of %s stored lines, goes on with new ones only', async (_what, tail, stored) => {
    one.install('web', '0.9.0')
    one.write('old', { version: '0.9.0', timeMs: 50 })
    for (const [index, line] of ['1', '2', '3'].entries()) one.write(line, { timeMs: 100 + index })
    const follower = await follow({ tail })
    await follower.has(...stored)
    await vi.waitFor(() => {
      expect(one.state.log.followers).toBe(1)
    }, UNTIL)
    one.write('4', { timeMs: 200 })
    await follower.has(...stored, '4')
    proxy.cut()
    one.write('5', { timeMs: 300 })
    one.write('the other version again', { version: '0.9.0', timeMs: 301 })
    await follower.has(...stored, '4', '5', 'the other version again')
  })

  it.each([-3_600_000, 3_600_000])(
    'loses no line when the clock of the node is set by %i ms',
    async (byMs) => {
      one.write('0', { timeMs: 99_999_000 })
      one.write('1', { timeMs: 100_000_000 })
      const follower = await follow({ tail: 1 })
      await follower.has('1')
      proxy.cut()
      one.write('2', { timeMs: 100_000_000 + byMs })
      await follower.has('1', '2')
      proxy.cut()
      one.write('3', { timeMs: 100_000_000 })
      await follower.has('1', '2', '3')
    },
  )

  it('goes on behind a cut in each kind and each app', async () => {
    one.install('other')
    one.write('app 1')
    one.write('other 1', { app: 'other', version: '2.0.0' })
    one.say('daemon 1')
    const expected = ['app 1', 'other 1', 'daemon 1']
    const follower = await follow({ app: undefined, kinds: ['app', 'daemon'] })
    await follower.has(...expected)
    for (const round of ['2', '3', '4']) {
      proxy.cut()
      one.say(`daemon ${round}`)
      one.write(`app ${round}`)
      one.write(`other ${round}`, { app: 'other', version: '2.0.0' })
      expected.push(`daemon ${round}`, `app ${round}`, `other ${round}`)
      await follower.has(...expected)
    }
  })

  it('follows a log that was removed and begins anew', async () => {
    one.write('a')
    one.write('b')
    const follower = await follow()
    await follower.has('a', 'b')
    one.state.log.items.length = 0
    one.write('c')
    proxy.cut()
    await follower.has('a', 'b', 'c')
  })

  it('says what is gone, of what was stored and of what came while it was away', async () => {
    one.state.dropped.push({ source: 'web@1.0.0', lines: 7n })
    one.write('a', { seq: 8 })
    const follower = await follow()
    await follower.has('a')
    expect(follower.dropped).toEqual([{ node: 'one', source: 'web@1.0.0', lines: 7 }])
    one.state.dropped.push({ source: 'web@1.0.0', lines: 3n })
    proxy.cut()
    await vi.waitFor(() => {
      expect(follower.dropped).toHaveLength(2)
    }, UNTIL)
    expect(follower.dropped[1]).toEqual({ node: 'one', source: 'web@1.0.0', lines: 3 })
  })

  it('waits for a node that is down from the beginning', async () => {
    const control = await world.control([one.address])
    await control.listNodes({}, AbortSignal.timeout(5000))
    await control.close()
    await one.down()
    const follower = await follow({}, { times: 10, known: [one.address] })
    await follower.hasFailures('NODE_UNREACHABLE')
    one.write('a')
    await one.up()
    await follower.has('a')
    expect(follower.failures).toHaveLength(1)
  })

  it('ends with the failure when no node has the app', async () => {
    one.state.instances = []
    const follower = await follow()
    await follower.ended
    expect(follower.failures).toMatchObject([{ node: 'one', code: 'APP_NOT_FOUND' }])
  })

  it('ends for a node that refuses to go on', async () => {
    const follower = await follow()
    one.write('a')
    await follower.has('a')
    one.state.refusal = new PlaygroundError('AUTH_ROLE', 'not you any more')
    proxy.cut()
    await follower.ended
    expect(follower.failures).toMatchObject([
      { node: 'one', code: 'AUTH_ROLE', message: 'not you any more' },
    ])
  })

  it('leaves no stream open behind somebody who stops reading', async () => {
    one.write('a')
    const control = await world.control([one.address])
    const query = { app: 'web', target: {}, follow: true }
    const stop = new AbortController()
    world.onEnd(async () => {
      stop.abort()
      return Promise.resolve()
    })
    const lines: string[] = []
    const writing = waitFor('a follower', () => one.state.log.followers === 1).then(() => {
      one.write('b')
    })
    for await (const followed of control.logs(query, stop.signal)) {
      if (followed.kind === 'item') lines.push(followed.item.line)
      if (lines.length === 2) break
    }
    await writing
    expect(lines).toEqual(['a', 'b'])
    await vi.waitFor(() => {
      expect(one.state.log.followers).toBe(0)
    }, UNTIL)
  })
})

describe('following several nodes', () => {
  it('puts stored lines in order of time, node, version and seq, then live ones', async () => {
    const two = await world.node({ name: 'two' })
    two.install('web')
    two.write('4', { timeMs: 2 })
    one.write('1', { timeMs: 1, version: '1.0.0' })
    one.write('2', { timeMs: 2, version: '1.0.0' })
    one.write('3', { timeMs: 2, version: '1.1.0' })
    two.write('5', { timeMs: 2 })
    const follower = await follow({}, { known: [one.address, two.address] })
    await follower.has('1', '2', '3', '4', '5')
    two.write('7', { timeMs: 11 })
    one.write('6', { timeMs: 10 })
    await follower.has('1', '2', '3', '4', '5', '6', '7')
  })

  it('leaves out nodes without the app, and is not stopped by a dead one', async () => {
    const [bare, dead] = await Promise.all([
      world.node({ name: 'bare' }),
      world.node({ name: 'dead' }),
    ])
    const known = [one.address, bare.address, dead.address]
    const first = await world.control(known)
    await first.listNodes({}, AbortSignal.timeout(5000))
    await first.close()
    await dead.down()
    one.write('a')
    const follower = await follow({}, { known })
    await follower.has('a')
    await follower.hasFailures('NODE_UNREACHABLE')
    one.write('b')
    await follower.has('a', 'b')
  })
})

it('events go on behind a cut without gap or repeat', async () => {
  one.happen('a')
  const control = await world.control([one.addressAt(proxy.port)])
  const stop = new AbortController()
  const messages: string[] = []
  const read = async (): Promise<void> => {
    for await (const followed of control.events(
      { target: {}, follow: true, tail: 1 },
      stop.signal,
    )) {
      if (followed.kind === 'item') messages.push(followed.item.message)
      else if (followed.kind !== 'stored') messages.push(followed.kind)
    }
  }
  const reading = read()
  const expected = ['a']
  for (const message of ['b', 'c', 'd']) {
    await vi.waitFor(() => {
      expect(messages).toEqual(expected)
    }, UNTIL)
    proxy.cut()
    one.happen(message)
    expected.push(message)
  }
  await vi.waitFor(() => {
    expect(messages).toEqual(expected)
  }, UNTIL)
  stop.abort()
  await reading
})
