import type { ErrorCode, NodeFailure } from '@p2p-playground/core'
import { expect, test } from 'vitest'
import { countedFailures } from './node-failures.js'

const failure = (code: ErrorCode): NodeFailure => ({ node: 'n', peerId: 'p', code, message: code })
const absent = failure('APP_NOT_FOUND')
const dead = failure('NODE_UNREACHABLE')

test.each([
  { name: 'elsewhere it is there', given: [absent], answered: 1, isNamed: false, counted: [] },
  {
    name: 'nobody has it',
    given: [absent, absent],
    answered: 0,
    isNamed: false,
    counted: [absent, absent],
  },
  {
    name: 'the named node has it not',
    given: [absent],
    answered: 1,
    isNamed: true,
    counted: [absent],
  },
  {
    name: 'a dead node always counts',
    given: [absent, dead],
    answered: 1,
    isNamed: false,
    counted: [dead],
  },
  {
    name: 'a dead node may have it',
    given: [absent, dead],
    answered: 0,
    isNamed: false,
    counted: [dead],
  },
])('$name', ({ given, answered, isNamed, counted }) => {
  expect(countedFailures(given, { answered, isNamed })).toEqual(counted)
})
