import type { HealthChecker, PluginKind, PluginKinds } from '@p2p-playground/core'
import { PLUGIN_KINDS } from '@p2p-playground/core'
import { FakeHealthChecker } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import { guardPlugin } from './guard-plugin.js'
import { about, identity, never, signal } from './guard-plugin.test.support.js'
import { runningPlugin } from './plugin-scope.js'

const target = { spec: {}, pid: 1, ports: {} }

function checker(check: () => unknown): HealthChecker<unknown> {
  const plugin = { spec: new FakeHealthChecker().spec, check }
  return guardPlugin('health-checker', plugin as HealthChecker<unknown>, about)
}

describe('a health checker', () => {
  const label = 'health-checker "x" (@acme/p2p-x 1.2.0)'

  it.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
      `${label} failed: boom`,
    ],
    ['gives nothing', () => undefined, `${label} failed: its check gave no result`],
    [
      'gives a text',
      async () => Promise.resolve('fine'),
      `${label} failed: its check gave no result`,
    ],
    ['says neither', () => ({ healthy: 'yes' }), `${label} failed: its check gave no result`],
    ['gives no reason', () => ({ healthy: false, detail: 5 }), 'unhealthy, without a reason'],
  ])('that %s gives an unhealthy result that names it', async (_what, check, detail) => {
    expect(await checker(check).check(target, signal)).toEqual({ healthy: false, detail })
  })

  it('is heard when it works, and runs as itself', async () => {
    let seen: unknown
    const works = checker(() => {
      seen = runningPlugin()
      return { healthy: true, detail: 7 }
    })
    expect(await works.check(target, signal)).toEqual({ healthy: true, detail: undefined })
    expect(seen).toBe(identity)
    expect(runningPlugin()).toBeUndefined()
  })

  it('that never ends is not asked for ever, and others of its kind are', async () => {
    let asked = 0
    const hanging = checker(() => {
      asked += 1
      return never
    })
    for (let round = 0; round < 3; round += 1) void hanging.check(target, signal)
    expect(await hanging.check(target, signal)).toEqual({
      healthy: false,
      detail: `${label} hangs: 3 checks have not ended`,
    })
    expect(asked).toBe(3)
    void hanging.check({ ...target }, signal)
    expect(asked).toBe(4)
  })

  it('whose spec throws is named', async () => {
    const spec = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: () => {
          throw new Error('no')
        },
      },
    } as const
    const plugin = guardPlugin('health-checker', { spec, check: () => never }, about)
    await expect(plugin.spec['~standard'].validate({})).rejects.toMatchObject({
      code: 'PLUGIN_FAILED',
      message: `${label} failed: no`,
    })
  })
})

it('a discovery that throws is named, and runs as itself', async () => {
  const seen: unknown[] = []
  const plugin = guardPlugin(
    'discovery',
    {
      async *watch() {
        seen.push(runningPlugin())
        yield await Promise.resolve({ peerId: 'p', addresses: [], source: 'x' })
        seen.push(runningPlugin())
        throw new Error('lost')
      },
    },
    about,
  )
  const found: string[] = []
  const all = async (): Promise<void> => {
    for await (const { peerId } of plugin.watch(signal)) found.push(peerId)
  }
  await expect(all()).rejects.toMatchObject({
    code: 'PLUGIN_FAILED',
    message: 'discovery "x" (@acme/p2p-x 1.2.0) failed: lost',
  })
  expect(found).toEqual(['p'])
  expect(seen).toEqual([identity, identity])
})

it('a log sink runs as itself, and its failures are the shipper’s', async () => {
  const down = new Error('down')
  let seen: unknown
  const sink = guardPlugin(
    'log-sink',
    {
      write: async () => {
        seen = runningPlugin()
        return Promise.reject(down)
      },
    },
    about,
  )
  await expect(sink.write({ id: '1', entries: [] }, signal)).rejects.toBe(down)
  expect(seen).toBe(identity)
})

it('a log sink keeps how long lines may wait for others', () => {
  const write = (): Promise<never> => never
  expect(guardPlugin('log-sink', { lingerMs: 60_000, write }, about).lingerMs).toBe(60_000)
  expect(guardPlugin('log-sink', { write }, about)).not.toHaveProperty('lingerMs')
})

type Members = { readonly [Kind in PluginKind]: Readonly<Record<keyof PluginKinds[Kind], unknown>> }

/** A member that is added to a seam has to be added here to compile, and then its guard has to pass it on. */
const MEMBERS: Members = {
  runtime: { support: 1, start: 1, adopt: 1, wait: 1, stop: 1, usage: 1 },
  'health-checker': { spec: new FakeHealthChecker().spec, check: 1 },
  'log-sink': { lingerMs: 1, write: 1 },
  discovery: { watch: 1 },
}

it.each(PLUGIN_KINDS)('a guarded %s has all that its seam may have', (kind) => {
  const plugin = MEMBERS[kind] as unknown as PluginKinds[typeof kind]
  expect(Object.keys(guardPlugin(kind, plugin, about)).sort()).toEqual(Object.keys(plugin).sort())
})
