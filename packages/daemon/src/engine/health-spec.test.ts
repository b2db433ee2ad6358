import { systemClock } from '@p2p-playground/core'
import type { HealthChecker } from '@p2p-playground/core'
import { FakeHealthChecker } from '@p2p-playground/testkit'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { guardPlugin } from '../plugins/guard-plugin.js'
import { readHealthSpec } from './health-spec.js'

const CONTEXT = { ports: { web: 80 }, nodeName: 'n1', nodeLabels: {}, appVersion: '1.0.0' }
const identity = { package: '@acme/p2p-x', version: '1.2.0', root: '/x' }

/** As the daemon has it: behind the guard of plugins. */
const http: HealthChecker<unknown> = guardPlugin(
  'health-checker',
  {
    spec: v.strictObject({ endpoint: v.string(), port: v.optional(v.string()) }),
    check: async () => Promise.resolve({ healthy: true }),
  },
  { identity, name: 'http', shown: '@acme/p2p-x 1.2.0', clock: systemClock },
)
const checkers = new Map<string, HealthChecker<unknown>>([
  ['http', http],
  ['fake', new FakeHealthChecker()],
])
const read = async (
  type: string,
  spec: Readonly<Record<string, unknown>>,
): ReturnType<typeof readHealthSpec> =>
  readHealthSpec(
    { type, spec, intervalMs: 1, timeoutMs: 1, retries: 1, startPeriodMs: 0 },
    checkers,
    CONTEXT,
  )

describe('readHealthSpec', () => {
  it('gives the checker, and its keys with references expanded', async () => {
    const { checker, spec } = await read('http', { endpoint: ':${port.web}/${node.name}' })
    expect(checker).toBe(http)
    expect(spec).toEqual({ endpoint: ':80/n1' })
  })

  it.each([
    [
      'http',
      { endpont: '/' },
      {
        code: 'RUNTIME_HEALTH_SPEC',
        message: 'health_check of type "http": "endpoint" is missing; unknown key "endpont"',
        hint: 'Did you mean "endpoint"?',
      },
    ],
    [
      'http',
      { endpoint: '/', intervall: '5s' },
      {
        code: 'RUNTIME_HEALTH_SPEC',
        message: 'health_check of type "http": unknown key "intervall"',
        hint: 'Did you mean "interval"?',
      },
    ],
    [
      'http',
      { endpoint: 7 },
      {
        code: 'RUNTIME_HEALTH_SPEC',
        message: 'health_check of type "http": "endpoint" must be text, not 7',
        hint: 'Put the value in quotes.',
      },
    ],
    [
      'fake',
      { answer: 7 },
      {
        code: 'RUNTIME_HEALTH_SPEC',
        message: 'health_check of type "fake": only "answer" is known, a text',
        hint: 'Its keys, where it is installed: "p2p-playground plugins inspect fake".',
      },
    ],
    ['http', { endpoint: '${port.none}' }, { code: 'APP_REFERENCE' }],
    [
      'redis',
      {},
      {
        code: 'RUNTIME_HEALTH_TYPE',
        hint: 'It has: http, fake. Name the plugin in daemon.yaml.',
      },
    ],
  ])('says of type %s with %o what is wrong', async (type, spec, error) => {
    await expect(read(type, spec)).rejects.toMatchObject(error)
  })
})
