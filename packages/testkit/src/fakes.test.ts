import { join } from 'node:path'
import type { LogSink } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import {
  discoveryContract,
  healthCheckerContract,
  logSinkContract,
  runtimeContract,
} from './contracts/index.js'
import { FakeClock } from './fake-clock.js'
import { FakeHealthChecker } from './fakes/fake-health-checker.js'
import { InMemoryDiscovery } from './fakes/in-memory-discovery.js'
import { InMemoryLogSink } from './fakes/in-memory-log-sink.js'
import { InMemoryRuntime } from './fakes/in-memory-runtime.js'

let runtime: InMemoryRuntime | undefined

runtimeContract('InMemoryRuntime', {
  create: () => {
    runtime = new InMemoryRuntime(runtime)
    return runtime
  },
  endless: (dir) => [join(dir, 'endless')],
  exits: (dir) => [join(dir, 'exits')],
  end: (from, handle, code) => {
    if (from instanceof InMemoryRuntime) from.end(handle.pid, { kind: 'exited', code })
  },
})

const target = { spec: {}, pid: 1, ports: {} }

healthCheckerContract('FakeHealthChecker', {
  create: () => checker,
  valid: [{}, { answer: 'yes' }],
  invalid: [{ other: 1 }, null],
  healthy: async (work) => {
    checker.result = { healthy: true }
    await work(target)
  },
  unhealthy: async (work) => {
    checker.result = { healthy: false, detail: 'a test said so' }
    await work(target)
  },
})
const checker = new FakeHealthChecker()

logSinkContract('InMemoryLogSink', {
  create: () => new InMemoryLogSink(),
  stored: (sink: LogSink) => (sink instanceof InMemoryLogSink ? sink.entries : []),
})

discoveryContract('InMemoryDiscovery', {
  create: () =>
    new InMemoryDiscovery([
      { peerId: 'a', addresses: ['/ip4/127.0.0.1/tcp/1/p2p/a'], source: 'fake' },
      { peerId: 'b', addresses: [], source: 'fake' },
    ]),
  expected: ['a', 'b'],
})

describe('FakeClock', () => {
  it('wakes sleepers in the order of their times', async () => {
    const clock = new FakeClock()
    const woken: string[] = []
    const sleeps = [
      clock.sleep(20).then(() => woken.push('late')),
      clock.sleep(10).then(() => woken.push('early')),
    ]
    await clock.advance(10)
    expect(woken).toEqual(['early'])
    await clock.advance(10)
    await Promise.all(sleeps)
    expect(woken).toEqual(['early', 'late'])
  })

  it('lets the wall clock jump without waking anybody', async () => {
    const clock = new FakeClock(1000)
    const sleep = clock.sleep(50)
    clock.setWall(9_000_000)
    expect(clock.sleeping).toBe(1)
    expect(clock.now()).toBe(9_000_000)
    await clock.advance(50)
    await expect(sleep).resolves.toBeUndefined()
    expect(clock.monotonic()).toBe(50)
  })

  it('rejects a sleep that is aborted', async () => {
    const clock = new FakeClock()
    const stop = new AbortController()
    const sleep = clock.sleep(50, stop.signal)
    stop.abort(new Error('up'))
    await expect(sleep).rejects.toThrow('up')
    expect(clock.sleeping).toBe(0)
  })
})
