import type { HealthChecker, PluginKind, PluginKinds, Runtime, RunSpec } from '@p2p-playground/core'
import { PLUGIN_KINDS, PlaygroundError, systemClock, untilAborted } from '@p2p-playground/core'
import { FakeClock, FakeHealthChecker, InMemoryRuntime } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import { guardPlugin } from './guard-plugin.js'
import { runningPlugin } from './plugin-scope.js'

const identity = { package: '@acme/p2p-x', version: '1.2.0', root: '/x' }
const about = { identity, name: 'x', shown: '@acme/p2p-x 1.2.0', clock: systemClock }
const never = new Promise<never>(() => undefined)
const signal = new AbortController().signal
const target = { spec: {}, pid: 1, ports: {} }

function checker(check: () => unknown): HealthChecker<unknown> {
  const plugin = { spec: new FakeHealthChecker().spec, check }
  return guardPlugin('health-checker', plugin as HealthChecker<unknown>, about)
}

function runtime(
  broken: Partial<Record<keyof Runtime, () => unknown>>,
  clock = systemClock,
): Runtime {
  const plugin = Object.assign(new InMemoryRuntime(), broken) as Runtime
  return guardPlugin('runtime', plugin, { ...about, clock })
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

describe('a runtime', () => {
  const spec = { command: ['/bin/x'], sandbox: 'off' } as unknown as RunSpec
  const handle = { runtime: 'x', pid: 1, startTicks: 1, bootId: 'b', data: {} }
  const failed = (why: string): object => ({
    code: 'PLUGIN_FAILED',
    message: `runtime "x" (@acme/p2p-x 1.2.0) failed: ${why}`,
  })
  const boom = (): never => {
    throw new Error('boom')
  }

  it.each<[string, keyof Runtime, () => unknown, object]>([
    ['support throws', 'support', boom, failed('boom')],
    ['adopt throws', 'adopt', boom, failed('boom')],
    ['usage throws', 'usage', boom, failed('boom')],
    ['usage is nonsense', 'usage', () => ({ cpuMs: '1' }), failed('its usage is not numbers')],
    ['stop throws', 'stop', boom, failed('boom')],
    ['stop says nothing', 'stop', () => undefined, failed('it does not say how the program ended')],
    [
      'wait says nothing',
      'wait',
      () => ({ kind: 'gone' }),
      failed('it does not say how the program ended'),
    ],
    [
      'start gives nothing',
      'start',
      () => undefined,
      failed('its start gave no handle that names the runtime and a program'),
    ],
    [
      'start says why',
      'start',
      () => {
        throw new PlaygroundError('RUNTIME_SPAWN', 'no file')
      },
      { code: 'RUNTIME_SPAWN', message: 'no file' },
    ],
    [
      'the disk is full',
      'start',
      () => {
        throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      },
      { code: 'ENOSPC' },
    ],
  ])('whose %s', async (_what, method, broken, error) => {
    const one = runtime({ [method]: broken })
    const calls: Record<keyof Runtime, () => Promise<unknown>> = {
      support: () => one.support(),
      start: () => one.start(spec, () => undefined, signal),
      adopt: () => one.adopt(handle),
      wait: () => one.wait(handle, signal),
      stop: () => one.stop(handle, 10),
      usage: () => one.usage(handle),
    }
    await expect(calls[method]()).rejects.toMatchObject(error)
  })

  it('that hangs is not waited for', async () => {
    const clock = new FakeClock()
    const one = runtime({ usage: () => never, stop: () => never, support: () => never }, clock)
    const calls = [one.usage(handle), one.stop(handle, 5000), one.support()]
    const ends = Promise.allSettled(calls)
    await clock.advance(65_000)
    expect((await ends).map((end) => end.status === 'rejected' && String(end.reason))).toEqual([
      expect.stringContaining('usage has not ended within 10s'),
      expect.stringContaining('stop has not ended within 1m5s'),
      expect.stringContaining('support has not ended within 10s'),
    ])
  })

  it('whose start hangs is not waited for, and begins nothing afterwards', async () => {
    const clock = new FakeClock()
    let late: ((one: typeof handle) => void) | undefined
    let stopped: AbortSignal | undefined
    const start = async (
      _spec: RunSpec,
      placed: typeof late,
      stop: AbortSignal,
    ): Promise<never> => {
      late = placed
      stopped = stop
      return never
    }
    const heard: unknown[] = []
    const one = runtime({ start: start as () => unknown }, clock)
    const ends = Promise.allSettled([one.start(spec, (placed) => heard.push(placed), signal)])
    await clock.advance(119_000)
    expect(stopped?.aborted).toBe(false)
    await clock.advance(1000)
    expect(await ends).toMatchObject([{ reason: failed('start has not ended within 2m') }])
    expect(stopped?.aborted).toBe(true)
    expect(() => late?.(handle)).toThrow('start has not ended within 2m')
    expect(heard).toEqual([])
  })

  it('is told in a start that the daemon ends', async () => {
    const daemon = new AbortController()
    const start = async (_spec: RunSpec, _placed: unknown, stop: AbortSignal): Promise<never> =>
      untilAborted(never, stop)
    const starting = runtime({ start: start as () => unknown }).start(
      spec,
      () => undefined,
      daemon.signal,
    )
    const end = new Error('the daemon ends')
    daemon.abort(end)
    await expect(starting).rejects.toBe(end)
  })

  it('whose support is half a support enforces nothing of the rest', async () => {
    const support = (): unknown => ({ cpu: { enforced: true, by: 'me' }, memory: 5 })
    const why = 'runtime "x" (@acme/p2p-x 1.2.0) does not say'
    expect(await runtime({ support }).support()).toEqual({
      cpu: { enforced: true, by: 'me' },
      memory: { enforced: false, why },
      pids: { enforced: false, why },
      sandbox: { enforced: false, why },
      user: { enforced: false, why },
    })
  })

  it('may say that it counts traffic', async () => {
    const network = { enforced: true, by: 'nftables' }
    const support = (): unknown => ({ network })
    expect((await runtime({ support }).support()).network).toEqual(network)
  })

  it('is not blamed for what the daemon could not write down', async () => {
    const full = new Error('state is full')
    const start = async (
      _spec: RunSpec,
      placed: (one: typeof handle) => void,
    ): Promise<unknown> => {
      placed(handle)
      return Promise.resolve(handle)
    }
    const one = runtime({ start: start as () => unknown })
    const placed = (): never => {
      throw full
    }
    await expect(one.start(spec, placed, signal)).rejects.toBe(full)
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
