import { randomBytes } from 'node:crypto'
import { realpath, symlink } from 'node:fs/promises'
import type { DeployProgress, DeployRequest } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core'
import { Host } from '@p2p-playground/p2p'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { all } from './testing/drain.js'
import { fastClock } from './testing/fast-clock.js'
import type { FakeNode } from './testing/fake-node.js'
import { World } from './testing/world.js'

let world: World
let one: FakeNode
let two: FakeNode
let packagePath: string

beforeAll(async () => {
  world = await World.make()
  ;[one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
  packagePath = await world.packageFile('web')
})

afterAll(async () => {
  await world.dispose()
})

beforeEach(() => {
  for (const node of [one, two]) node.state.deploy = done
})

async function* done(): AsyncGenerator<{ phase: string }> {
  yield await Promise.resolve({ phase: 'done' })
}

async function* silent(): AsyncGenerator<{ phase: string }> {
  yield { phase: 'transfer' }
  await new Promise(() => undefined)
}

async function start(
  patch: Partial<DeployRequest> = {},
  signal = AbortSignal.timeout(15_000),
): Promise<AsyncIterable<DeployProgress>> {
  const control = await world.control([one.address, two.address], { clock: fastClock(10) })
  const request = {
    packagePath,
    target: {},
    wait: true,
    timeoutMs: 60_000,
    allowDowngrade: false,
    localCopy: true,
  }
  return control.deploy({ ...request, ...patch }, signal)
}

function lastOf(seen: readonly DeployProgress[], node: string): DeployProgress | undefined {
  return seen.findLast((progress) => progress.node === node)
}

describe('deploy', () => {
  it('gives each node a command of its own', async () => {
    one.state.commands.length = 0
    two.state.commands.length = 0
    await all(await start())
    await all(await start())
    const commands = [...one.state.commands, ...two.state.commands]
    expect(commands.map(({ targetPeerId }) => targetPeerId)).toEqual([
      ...[one.peerId, one.peerId],
      ...[two.peerId, two.peerId],
    ])
    expect(commands.every(({ nonce }) => nonce.length === 16)).toBe(true)
    expect(new Set(commands.map(({ nonce }) => Buffer.from(nonce).toString('hex'))).size).toBe(4)
    for (const { issuedAtMs } of commands) {
      expect(Math.abs(Number(issuedAtMs) - Date.now())).toBeLessThan(10_000)
    }
  })

  it('tells nodes on this machine, and no others, where a large package lies, unless it is to be sent', async () => {
    const large = await world.packageFile('large', '1.0.0', true, randomBytes(17_000_000))
    const link = `${large}.link`
    await symlink(large, link)
    const told: string[] = []
    one.state.deploy = async function* (request) {
      told.push(request.localPath)
      yield* done()
    }
    const target = { nodes: ['one'] }
    await all(await start({ target, packagePath: link }))
    await all(await start({ target, packagePath: large, localCopy: false }))
    await all(await start({ target, packagePath }))
    expect(told).toEqual([await realpath(large), '', ''])
    vi.spyOn(Host.prototype, 'isOnThisMachine').mockReturnValue(false)
    await all(await start({ target, packagePath: large }))
    expect(told.at(-1)).toBe('')
    expect(told).toHaveLength(4)
    vi.restoreAllMocks()
  })

  it('hands on what the caller wants', async () => {
    const asked: object[] = []
    one.state.deploy = async function* (request) {
      asked.push(request)
      yield* done()
    }
    await all(await start({ target: { nodes: ['one'] }, allowDowngrade: true, wait: false }))
    expect(asked).toMatchObject([{ allowDowngrade: true, wait: false, offer: { app: 'web' } }])
  })

  it('ends a silent node with APP_WAIT_TIMEOUT, and the others as they did', async () => {
    one.state.deploy = silent
    const seen = await all(await start({ timeoutMs: 3000 }))
    expect(lastOf(seen, 'one')).toMatchObject({
      phase: 'failed',
      failure: { code: 'APP_WAIT_TIMEOUT', message: expect.stringContaining('transfer') as string },
    })
    expect(lastOf(seen, 'two')).toMatchObject({ phase: 'done', failure: null })
  })

  it('gives the refusal of a node as it said it', async () => {
    one.state.deploy = () => {
      throw new PlaygroundError('SIGNATURE_UNTRUSTED', 'nobody knows that key', { hint: 'Add it.' })
    }
    const seen = await all(await start())
    expect(lastOf(seen, 'one')?.failure).toEqual({
      node: 'one',
      peerId: one.peerId,
      code: 'SIGNATURE_UNTRUSTED',
      message: 'nobody knows that key',
      hint: 'Add it.',
    })
    expect(lastOf(seen, 'two')).toMatchObject({ phase: 'done' })
  })

  it.each([
    [
      'ends early',
      'NODE_UNREACHABLE',
      async function* () {
        yield await Promise.resolve({ phase: 'transfer' })
      },
    ],
    [
      'says what nobody understands',
      'INTERNAL',
      async function* () {
        yield await Promise.resolve({ phase: 'transfer', doneBytes: 2n ** 60n })
      },
    ],
  ])('fails a node that %s with %s', async (_what, code, behave) => {
    one.state.deploy = behave
    const seen = await all(await start())
    expect(lastOf(seen, 'one')).toMatchObject({ phase: 'failed', failure: { code } })
    expect(lastOf(seen, 'two')).toMatchObject({ phase: 'done' })
  })

  it('goes on through a phase that only a later version of the node knows', async () => {
    one.state.deploy = async function* () {
      yield await Promise.resolve({ phase: 'dance' })
      yield { phase: 'done' }
    }
    const seen = await all(await start())
    const phases = seen.flatMap((each) => (each.node === 'one' ? [each.phase] : []))
    expect(phases.slice(-2)).toEqual(['unknown', 'done'])
    expect(lastOf(seen, 'one')?.failure).toBeNull()
  })

  it('fails a node that goes away in the middle with NODE_UNREACHABLE', async () => {
    const three = await world.node({ name: 'three' })
    three.state.deploy = silent
    const control = await world.control([three.address])
    const request = { packagePath, target: { nodes: ['three'] }, wait: true, timeoutMs: 60_000 }
    const seen: DeployProgress[] = []
    for await (const progress of control.deploy(
      { ...request, allowDowngrade: false, localCopy: true },
      AbortSignal.timeout(15_000),
    )) {
      seen.push(progress)
      if (progress.phase === 'transfer') await three.down()
    }
    expect(seen.at(-1)).toMatchObject({ phase: 'failed', failure: { code: 'NODE_UNREACHABLE' } })
  })

  it('ends when the caller cancels', async () => {
    one.state.deploy = silent
    const cancel = new AbortController()
    const deploying = all(await start({}, cancel.signal))
    await vi.waitFor(() => {
      expect(one.state.commands.length).toBeGreaterThan(0)
    })
    cancel.abort(new PlaygroundError('CANCELED', 'interrupted'))
    await expect(deploying).rejects.toMatchObject({ code: 'CANCELED' })
  })

  it('tells the nodes when the caller reads no further', async () => {
    const aborted = vi.fn()
    one.state.deploy = async function* (_request, signal) {
      signal.addEventListener('abort', aborted)
      yield* silent()
    }
    for await (const progress of await start({ target: { nodes: ['one'] } })) {
      if (progress.phase === 'transfer') break
    }
    await vi.waitFor(() => {
      expect(aborted).toHaveBeenCalled()
    })
  })
})
