import { PlaygroundError, absentApp } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import type { KnownNode } from './known-node.js'
import { countedFailures } from './sparse.js'

const one: KnownNode = {
  peerId: 'p',
  name: 'n',
  addresses: [],
  info: undefined,
  failure: undefined,
  latencyMs: null,
}
const ABSENT = absentApp('there is no such app')
const UNABLE = new PlaygroundError('APP_NOT_FOUND', 'there is no such version')
const DEAD = new PlaygroundError('NODE_UNREACHABLE', 'nobody there')

it.each([
  ['elsewhere it is there', [ABSENT], 1, []],
  ['nobody has it', [ABSENT, ABSENT], 0, [ABSENT, ABSENT]],
  ['one has it and cannot obey', [ABSENT, UNABLE], 1, [UNABLE]],
  ['the only one that has it cannot obey', [ABSENT, UNABLE], 0, [UNABLE]],
  ['a dead node always counts', [ABSENT, DEAD], 1, [DEAD]],
  ['a dead node may have it', [ABSENT, DEAD], 0, [DEAD]],
])('%s', (_what, errors, answered, counted) => {
  const misses = errors.map((error) => ({ one, error }))
  const messages = counted.map(({ message }) => message)
  const failures = countedFailures(misses, { answered, isSparse: true })
  expect(failures.map(({ message }) => message)).toEqual(messages)
})

it('counts a node that was named, whatever others have', () => {
  const options = { answered: 1, isSparse: false }
  expect(countedFailures([{ one, error: ABSENT }], options)).toMatchObject([{ node: 'n' }])
})
