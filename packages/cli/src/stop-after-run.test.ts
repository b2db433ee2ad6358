import { PlaygroundError } from '@p2p-playground/core'
import type { AppRow, Control, NodeFailure } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import { stopAfterRun } from './stop-after-run.js'

const stopped = { app: 'web', node: 'one' } as AppRow
const unreachable: NodeFailure = {
  node: 'two',
  peerId: 'p2',
  code: 'NODE_UNREACHABLE',
  message: 'no answer',
  hint: 'Start it there.',
}
const absent: NodeFailure = { ...unreachable, code: 'APP_NOT_FOUND', message: 'there is no web' }
const away = ['web may still run on two: NODE_UNREACHABLE: no answer', 'Start it there.']

async function stop(
  changeApp: Control['changeApp'],
): Promise<{ readonly exit: number; readonly told: readonly string[] }> {
  const told: string[] = []
  const target = { nodes: ['one', 'two'] }
  const ran = { app: 'web', version: '1.0.0', target }
  const exit = await stopAfterRun({ changeApp }, ran, (text, hint) =>
    told.push(text, ...(hint === undefined ? [] : [hint])),
  )
  return { exit, told }
}

it.each([
  ['all stopped it', [stopped], [], { exit: 0, told: [] }],
  ['one stopped it, another does not have it', [stopped], [absent], { exit: 0, told: [] }],
  ['one stopped it, another is away', [stopped], [unreachable], { exit: 3, told: away }],
  ['all are away', [], [unreachable], { exit: 1, told: away }],
])('when %s', async (_what, items, failures, expected) => {
  const asked: unknown[] = []
  const end = await stop(async (command) => {
    asked.push(command)
    return Promise.resolve({ items, failures, answered: items.length })
  })
  expect(end).toEqual(expected)
  const target = { nodes: ['one', 'two'] }
  expect(asked).toEqual([{ action: 'stop', app: 'web', version: '1.0.0', target }])
})

it('says so when no node could be asked', async () => {
  const refused = new PlaygroundError('NODE_NOT_FOUND', 'there is no node', { hint: 'Look.' })
  expect(await stop(async () => Promise.reject(refused))).toEqual({
    exit: refused.row.exit,
    told: ['web may still run: NODE_NOT_FOUND: there is no node', 'Look.'],
  })
})
