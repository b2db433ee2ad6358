import { expect, test } from 'vitest'
import { didYouMean } from './closest.js'

const PACKAGES = ['http', 'p2p-health-redis', '@acme/p2p-logs-kafka', '@acme/health-http']

test.each([
  ['htp', 'http'],
  ['p2p-health-rdeis', 'p2p-health-redis'],
  ['@acme/helth-http', '@acme/health-http'],
  // People leave the scope of a package away.
  ['health-http', '@acme/health-http'],
  ['helth-http', '@acme/health-http'],
  ['p2p-logs-kafka', '@acme/p2p-logs-kafka'],
])('"%s" is told "%s"', (text, guess) => {
  expect(didYouMean(text, PACKAGES)).toBe(`Did you mean "${guess}"?`)
})

test.each(['xyzzy', '@other/kafka', 'acme'])('"%s" is near to nothing', (text) => {
  expect(didYouMean(text, PACKAGES)).toBeUndefined()
})
