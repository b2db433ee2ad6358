import { PlaygroundError } from '@p2p-playground/core'
import type { Control, NodeFailure, NodeSelector } from '@p2p-playground/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { all, split } from './testing/drain.js'
import type { FakeNode } from './testing/fake-node.js'
import { World } from './testing/world.js'

const SIGNAL = AbortSignal.timeout(30_000)
const BOTH: NodeSelector = { nodes: ['one', 'two'] }

let world: World
let one: FakeNode
let two: FakeNode
let control: Control

beforeAll(async () => {
  world = await World.make()
  one = await world.node({ name: 'one' })
  two = await world.node({ name: 'two' })
  one.install('database')
  two.install('talker')
  control = await world.control([one.address, two.address])
  // Answers tell it what the nodes are called.
  await list('talker', BOTH)
})
afterAll(async () => {
  await world.dispose()
})

type Asking = (app: string, target: NodeSelector) => Promise<readonly NodeFailure[]>

const list: Asking = async (app, target) =>
  (await control.listApps({ app, target }, SIGNAL)).failures

const ASKING: readonly (readonly [string, Asking])[] = [
  ['list', list],
  ['versions', async (...about) => (await control.listVersions(...about, SIGNAL)).failures],
  ['describe', async (...about) => (await control.describeApp(...about, SIGNAL)).failures],
  [
    'change',
    async (app, target) =>
      (await control.changeApp({ action: 'stop', app, target }, SIGNAL)).failures,
  ],
  [
    'logs',
    async (app, target) =>
      split(await all(control.logs({ app, target, follow: false }, SIGNAL))).failures,
  ],
]

describe.each(ASKING)('%s of an app that no node has', (_what, failuresOf) => {
  it.each([
    ['wherever it is', {}],
    ['on nodes that were named', BOTH],
  ])('names the one that is called alike, %s', async (_where, target) => {
    const hint = 'Did you mean "talker"?'
    expect(await failuresOf('talkre', target)).toMatchObject([
      { node: 'one', code: 'APP_NOT_FOUND', hint },
      { node: 'two', code: 'APP_NOT_FOUND', hint },
    ])
  })

  it('names none that is not on the nodes that were asked', async () => {
    const failures = await failuresOf('talkre', { nodes: ['one'] })
    expect(failures).toMatchObject([{ node: 'one', code: 'APP_NOT_FOUND', hint: undefined }])
  })

  it('names none where none is called alike', async () => {
    const failures = await failuresOf('shop', BOTH)
    expect(failures.map(({ hint }) => hint)).toEqual([undefined, undefined])
  })
})

it('an app that another node has is no slip', async () => {
  one.install('talkers')
  const failures = await list('talkers', BOTH)
  expect(failures).toMatchObject([{ node: 'two', code: 'APP_NOT_FOUND', hint: undefined }])
})

it('a version that no node has is no slip of the name: the hint has the versions that there are', async () => {
  two.install('talker', '1.1.0', { active: false })
  const query = { app: 'talker', version: '9.9.9', target: { nodes: ['two'] } }
  const { failures } = await control.listApps(query, SIGNAL)
  const hint = 'It has: 1.0.0, 1.1.0; tags: latest (1.1.0).'
  expect(failures).toMatchObject([{ node: 'two', code: 'APP_NOT_FOUND', hint }])
})

it('a node that refuses may have the app: what it says stays, and the name is told behind it', async () => {
  one.state.refusal = new PlaygroundError('AUTH_ROLE', 'not you')
  try {
    expect(await list('talkre', {})).toMatchObject([
      {
        node: 'one',
        code: 'AUTH_ROLE',
        hint: expect.stringMatching(
          /^Or put .*\. No other node has an app "talkre"\. Did you mean "talker"\?$/,
        ) as string,
      },
    ])
  } finally {
    one.state.refusal = undefined
  }
})
