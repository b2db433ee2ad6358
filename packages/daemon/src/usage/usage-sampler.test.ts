import { formatInstance } from '@p2p-playground/core'
import type { ResourceUsage, RunHandle } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NodeCounters } from './node-counters.js'
import { UsageSampler } from './usage-sampler.js'
import type { SampledInstance } from './usage-sampler.js'

const WEB = { app: 'web', version: '1.0.0' }

function run(pid: number): RunHandle {
  return { runtime: 'fake', pid, startTicks: pid, bootId: 'boot', data: {} }
}

/** A machine whose numbers a test sets. */
class FakeMachine {
  counters: NodeCounters = { cpuMs: 0, memoryBytes: 100, diskBytes: 7, interfaces: new Map() }
  instances: SampledInstance[] = []
  usages = new Map<number, ResourceUsage>()
  sizes: string[] = []

  traffic(inBytes: number, outBytes: number): void {
    this.counters = { ...this.counters, interfaces: new Map([['eth0', { inBytes, outBytes }]]) }
  }

  use(pid: number, cpuMs: number, memoryBytes = 10): void {
    this.usages.set(pid, { cpuMs, memoryBytes, processes: 1 })
  }
}

let clock: FakeClock
let machine: FakeMachine
let sampler: UsageSampler

beforeEach(() => {
  clock = new FakeClock()
  machine = new FakeMachine()
  sampler = new UsageSampler({
    clock,
    logger: new RecordingLogger(),
    sources: {
      node: async () => Promise.resolve(machine.counters),
      instances: () => machine.instances,
      usage: async (_key, { pid }) => {
        const usage = machine.usages.get(pid)
        return usage === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(usage)
      },
      sizeOf: async (key) => {
        machine.sizes.push(formatInstance(key))
        return Promise.resolve(4096)
      },
    },
  })
})
afterEach(async () => {
  await sampler.stop()
})

/** The first look, at 0, and the second, which is the first with rates, at 1 s. */
async function begin(): Promise<void> {
  sampler.start()
  await clock.advance(1000)
}

describe('a node', () => {
  it('is not known before the first look; rates come with the second', async () => {
    expect(sampler.node({ samples: false })).toBeNull()
    sampler.start()
    await clock.advance(0)
    expect(sampler.node({ samples: false })).toMatchObject({
      cpuCores: { current: null },
      memoryBytes: { current: 100 },
      networkInBytesPerSecond: { current: null },
    })
    await clock.advance(1000)
    expect(sampler.node({ samples: false })?.cpuCores.current).toBe(0)
  })

  it('has CPU and traffic as rates over the time that really passed', async () => {
    machine.traffic(1000, 10)
    await begin()
    machine.counters = { ...machine.counters, cpuMs: 15_000, memoryBytes: 300 }
    machine.traffic(51_000, 1010)
    await clock.advance(10_000)
    expect(sampler.node({ samples: true })).toMatchObject({
      cpuCores: { current: 1.5, average: 0.75, peak: 1.5, samples: [null, 0, 1.5] },
      memoryBytes: { current: 300, peak: 300, samples: [100, 100, 300] },
      networkInBytesPerSecond: { current: 5000 },
      networkOutBytesPerSecond: { current: 100 },
    })
  })

  it('keeps its rates when somebody sets the clock, and its samples their age', async () => {
    await begin()
    machine.counters = { ...machine.counters, cpuMs: 10_000 }
    clock.setWall(clock.now() + 3_600_000)
    await clock.advance(10_000)
    const usage = sampler.node({ samples: true })
    expect(usage?.cpuCores.current).toBe(1)
    expect(usage?.sampledAtMs.map((atMs) => clock.now() - atMs)).toEqual([11_000, 10_000, 0])
  })

  it('keeps an hour, and gives samples only when asked', async () => {
    await begin()
    await clock.advance(2 * 3_600_000)
    const usage = sampler.node({ samples: true })
    expect(usage?.sampledAtMs).toHaveLength(361)
    expect(usage?.memoryBytes.samples).toHaveLength(361)
    expect(sampler.node({ samples: false })).toMatchObject({
      sampledAtMs: [],
      memoryBytes: { samples: [], average: 100 },
    })
  })

  it('goes on after a look that failed', async () => {
    await begin()
    const { counters } = machine
    Object.defineProperty(machine, 'counters', {
      configurable: true,
      get: () => {
        throw new Error('no /proc')
      },
    })
    await clock.advance(10_000)
    Object.defineProperty(machine, 'counters', { value: { ...counters, cpuMs: 10_000 } })
    await clock.advance(10_000)
    expect(sampler.node({ samples: false })?.cpuCores.current).toBe(0.5)
  })
})

describe('an instance', () => {
  beforeEach(() => {
    machine.instances = [{ ...WEB, handle: run(1) }]
    machine.use(1, 0)
  })

  it('has CPU, memory, processes and disk', async () => {
    await begin()
    machine.use(1, 2500, 20)
    await clock.advance(10_000)
    expect(sampler.instance(WEB)).toMatchObject({
      cpuCores: { current: 0.25, samples: [null, 0, 0.25] },
      memoryBytes: { current: 20, peak: 20 },
      processes: { current: 1 },
      diskBytes: { current: 4096 },
      networkInBytesPerSecond: { current: null, average: null },
    })
  })

  it('has its traffic where the runtime counts it', async () => {
    const usage = { cpuMs: 0, memoryBytes: 10, processes: 1 }
    machine.usages.set(1, { ...usage, networkReceivedBytes: 5000, networkSentBytes: 100 })
    await begin()
    machine.usages.set(1, { ...usage, networkReceivedBytes: 25_000, networkSentBytes: 600 })
    await clock.advance(10_000)
    expect(sampler.instance(WEB)).toMatchObject({
      networkInBytesPerSecond: { current: 2000, peak: 2000, samples: [null, 0, 2000] },
      networkOutBytesPerSecond: { current: 50 },
    })
  })

  it('goes on in the same hour after a restart', async () => {
    await begin()
    machine.instances = [{ ...WEB, handle: run(2) }]
    machine.use(2, 5000)
    await clock.advance(10_000)
    expect(sampler.instance(WEB)?.cpuCores.samples).toEqual([null, 0, 0.5])
  })

  it('is a gap while it does not run', async () => {
    await begin()
    machine.instances = [{ ...WEB, handle: null }]
    await clock.advance(10_000)
    expect(sampler.instance(WEB)).toMatchObject({
      cpuCores: { current: null, samples: [null, 0, null] },
      memoryBytes: { current: null, average: 10 },
      diskBytes: { current: 4096 },
    })
  })

  it('is a gap while it cannot be asked', async () => {
    await begin()
    machine.usages.delete(1)
    await clock.advance(10_000)
    machine.use(1, 10_000)
    await clock.advance(10_000)
    expect(sampler.instance(WEB)?.cpuCores.samples).toEqual([null, 0, null, 0.5])
  })

  it('that came later counts from its beginning', async () => {
    machine.instances = []
    await begin()
    expect(sampler.instance(WEB)).toBeNull()
    machine.instances = [{ ...WEB, handle: run(1) }]
    machine.use(1, 1000)
    await clock.advance(10_000)
    expect(sampler.instance(WEB)?.cpuCores.current).toBe(0.1)
  })

  it('is forgotten once it is gone', async () => {
    await begin()
    machine.instances = []
    await clock.advance(10_000)
    expect(sampler.instance(WEB)).toBeNull()
  })

  it('has its disk looked at every five minutes, one instance at a time', async () => {
    machine.instances = ['a', 'b'].map((app) => ({ app, version: '1.0.0', handle: null }))
    await begin()
    await clock.advance(290_000)
    expect(machine.sizes).toEqual(['a@1.0.0', 'b@1.0.0'])
    await clock.advance(40_000)
    expect(machine.sizes).toEqual(['a@1.0.0', 'b@1.0.0', 'a@1.0.0', 'b@1.0.0'])
  })
})

it('stops twice, and looks no more', async () => {
  await begin()
  await sampler.stop()
  await sampler.stop()
  expect(clock.sleeping).toBe(0)
})
