import type { FakeNode } from './fake-node.js'
import { World } from './world.js'

/** What stands behind the Control under test: two nodes that answer, and one that is known and dead. */
export interface ContractWorld {
  readonly world: World
  readonly one: FakeNode
  readonly two: FakeNode
  readonly dead: FakeNode
}

export const FRESH = (): AbortSignal => AbortSignal.timeout(15_000)

export async function makeContractWorld(): Promise<ContractWorld> {
  const world = await World.make()
  const [one, two, dead] = await Promise.all([
    world.node({ name: 'one', labels: { env: 'test' } }),
    world.node({ name: 'two' }),
    world.node({ name: 'dead' }),
  ])
  one.install('web', '1.0.0')
  one.install('web', '1.1.0', { active: false, state: 'staged' })
  two.install('db', '2.0.0')
  for (const node of [one, two]) node.install('both')
  for (let index = 1; index <= 8; index += 1) {
    const writer = index % 2 === 0 ? one : two
    const stream = index === 8 ? 'stderr' : 'stdout'
    writer.write(String(index), { app: 'both', timeMs: 100 + index, stream })
  }
  two.happen('a', { timeMs: 1 })
  one.happen('b', { timeMs: 2 })
  two.happen('c', { timeMs: 2 })
  // Whoever has answered once is remembered by the home.
  const first = await world.control([one, two, dead].map((node) => node.address))
  await first.listNodes({}, FRESH())
  await first.close()
  await dead.down()
  return { world, one, two, dead }
}
