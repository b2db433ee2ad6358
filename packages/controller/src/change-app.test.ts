import type { AppCommand, AppRow, FleetResult } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FakeNode } from './testing/fake-node.js'
import { World } from './testing/world.js'

let world: World
let one: FakeNode
let two: FakeNode

beforeAll(async () => {
  world = await World.make()
  ;[one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
  for (const node of [one, two]) node.install('web')
})

afterAll(async () => {
  await world.dispose()
})

beforeEach(() => {
  for (const { state } of [one, two]) {
    state.changes.splice(0)
    state.changing = async () => Promise.resolve()
  }
})

async function restart(patch: Partial<AppCommand> = {}): Promise<FleetResult<AppRow>> {
  const control = await world.control([one.address, two.address])
  const command = { action: 'restart', app: 'web', target: {}, ...patch } as const
  return control.changeApp(command, AbortSignal.timeout(15_000))
}

describe('a change of an app', () => {
  it('tells each node what is waited for, the limit and what is left of it', async () => {
    await restart({ wait: true, timeoutMs: 30_000 })
    for (const { changes } of [one.state, two.state]) {
      expect(changes).toMatchObject([{ action: 'restart', wait: true, limitMs: 30_000n }])
      expect(changes[0]?.timeoutMs).toBeGreaterThan(0n)
      expect(changes[0]?.timeoutMs).toBeLessThan(30_000n)
    }
  })

  it('names no limit where none is given', async () => {
    await restart()
    expect(one.state.changes).toMatchObject([{ wait: false, timeoutMs: 0n, limitMs: 0n }])
  })

  it('ends with APP_WAIT_TIMEOUT on a node that is silent, and as it did on the others', async () => {
    one.state.changing = async () => new Promise(() => undefined)
    const { items, failures } = await restart({ wait: true, timeoutMs: 500 })
    expect(items).toMatchObject([{ node: 'two', state: 'running' }])
    expect(failures).toMatchObject([
      {
        node: 'one',
        code: 'APP_WAIT_TIMEOUT',
        message: 'web was not ready within 500ms: the node is silent',
      },
    ])
  })

  it('gives the failure of a node as it said it', async () => {
    const error = new PlaygroundError('APP_WAIT_TIMEOUT', 'web@1.0.0 was not ready: backoff')
    one.state.changing = async () => Promise.reject(error)
    const { failures } = await restart({ wait: true, timeoutMs: 30_000 })
    expect(failures).toMatchObject([{ node: 'one', code: error.code, message: error.message }])
  })
})
