import type { Control, LogMarks } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import { FRESH } from './contract-world.js'
import type { ContractWorld } from './contract-world.js'
import { all, split } from './drain.js'

/** The part of `controlContract` about what can be followed: logs, events, nodes. */
export function followContract(
  given: () => { readonly control: Control; readonly behind: ContractWorld },
): void {
  it('merges stored lines of all nodes by time', async () => {
    const { control } = given()
    const query = { app: 'both', target: { labels: 'env!=none' }, follow: false }
    const { items } = split(await all(control.logs(query, FRESH())))
    expect(items.map(({ line }) => line)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
  })

  it.each([
    ['tail', { tail: 1 }, ['7', '8']],
    ['nothing of the stored', { tail: 0 }, []],
    ['since', { sinceMs: 106 }, ['6', '7', '8']],
    ['text', { grep: '5' }, ['5']],
    ['stream', { stream: 'stderr' as const }, ['8']],
    ['version', { version: '9.9.9' }, []],
  ])('filters lines by %s', async (_what, filter, expected) => {
    const { control } = given()
    const query = { app: 'both', target: { nodes: ['one', 'two'] }, follow: false, ...filter }
    const { items } = split(await all(control.logs(query, FRESH())))
    expect(items.map(({ line }) => line)).toEqual(expected)
  })

  it('gives what came behind a mark, and all of a node without one', async () => {
    const { behind, control } = given()
    const named = { app: 'both', target: { nodes: ['one', 'two'] } }
    const marks = new Map(await control.logMarks(named, FRESH()))
    expect([...marks.keys()].sort()).toEqual([behind.one.peerId, behind.two.peerId].sort())
    const linesAfter = async (after: LogMarks): Promise<string[]> => {
      const query = { ...named, follow: false, after }
      return split(await all(control.logs(query, FRESH()))).items.map(({ line }) => line)
    }
    expect(await linesAfter(marks)).toEqual([])
    marks.delete(behind.two.peerId)
    expect(await linesAfter(marks)).toEqual(['1', '3', '5', '7'])
  })

  it('has no mark of a node that has none of the app', async () => {
    const { control } = given()
    const query = { app: 'nowhere', target: { nodes: ['one'] } }
    expect(await control.logMarks(query, FRESH())).toEqual(new Map())
  })

  it('merges events by time, and says who did not answer', async () => {
    const { control } = given()
    const stream = await all(control.events({ target: {}, follow: false }, FRESH()))
    expect(stream.at(-1)).toEqual({ kind: 'stored', answered: 2 })
    const { items, failures } = split(stream)
    expect(items.map(({ node, message }) => `${node} ${message}`)).toEqual([
      'two a',
      'one b',
      'two c',
    ])
    expect(failures).toMatchObject([{ node: 'dead', code: 'NODE_UNREACHABLE' }])
  })

  it('watches nodes: how they are, then what changes, until it is cancelled', async () => {
    const { behind, control } = given()
    const stop = new AbortController()
    const told: string[] = []
    for await (const followed of control.watchNodes({}, stop.signal)) {
      if (followed.kind !== 'item') throw new Error(followed.kind)
      const event = followed.item
      told.push(`${event.node} ${event.type}`)
      if (told.length === 3) behind.one.install('late')
      if (event.type !== 'node-changed') continue
      expect(event).toMatchObject({
        peerId: behind.one.peerId,
        message: 'late@1.0.0 is new: running',
        summary: { name: 'one', state: 'up', labels: { env: 'test' } },
      })
      stop.abort()
    }
    expect(told.slice(0, 3).sort()).toEqual(['dead node-down', 'one node-up', 'two node-up'])
    expect(told.slice(3)).toEqual(['one node-changed'])
  })

  it('says which nodes it does not watch, since their labels are not known', async () => {
    const { control } = given()
    const stop = new AbortController()
    const told: string[] = []
    for await (const followed of control.watchNodes({ labels: 'env=test' }, stop.signal)) {
      if (followed.kind === 'item') told.push(`${followed.item.node} ${followed.item.type}`)
      if (followed.kind === 'failure') told.push(followed.failure.message)
      if (told.length === 2) stop.abort()
    }
    expect(told.sort()).toEqual(['labels of dead are not known: it does not answer', 'one node-up'])
  })

  it.each([
    ['NODE_NOT_FOUND', { nodes: ['twoo'] }],
    ['USAGE', { labels: '=x' }],
  ])('watches nothing that means no node: %s', async (code, target) => {
    const { control } = given()
    await expect(all(control.watchNodes(target, FRESH()))).rejects.toMatchObject({ code })
  })
}
