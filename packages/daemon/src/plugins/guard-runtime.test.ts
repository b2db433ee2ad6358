import type { Runtime, RunSpec } from '@p2p-playground/core'
import { PlaygroundError, systemClock, untilAborted } from '@p2p-playground/core'
import { FakeClock, InMemoryRuntime } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import { guardPlugin } from './guard-plugin.js'
import { about, never, signal } from './guard-plugin.test.support.js'

function runtime(
  broken: Partial<Record<keyof Runtime, () => unknown>>,
  clock = systemClock,
): Runtime {
  const plugin = Object.assign(new InMemoryRuntime(), broken) as Runtime
  return guardPlugin('runtime', plugin, { ...about, clock })
}

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
