import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  HealthChecker,
  HealthTarget,
  LogSink,
  PeerCandidate,
  PluginLifecycle,
  RunSpec,
} from '@p2p-playground/core'
import type { DiscoverySetup } from '../contracts/discovery-contract.js'
import type { HealthCheckerSetup } from '../contracts/health-checker-contract.js'
import type { LogSinkSetup } from '../contracts/log-sink-contract.js'
import type { RuntimeSetup } from '../contracts/runtime-contract.js'
import type { FakeHealthChecker } from './fake-health-checker.js'
import { InMemoryDiscovery } from './in-memory-discovery.js'
import { InMemoryLogSink } from './in-memory-log-sink.js'
import type { FarSideMood } from './in-memory-log-sink.js'
import { InMemoryRuntime } from './in-memory-runtime.js'

/** How the suites are run against the fakes, and against broken ones that are made of them. */

/** `make` is given the runtime of the daemon before. */
export function fakeRuntimeSetup(
  make: (before?: InMemoryRuntime) => InMemoryRuntime & PluginLifecycle,
): RuntimeSetup {
  let last: InMemoryRuntime | undefined
  return {
    create: () => {
      const runtime = make(last)
      runtime.onStart = (spec, pid) => {
        perform(runtime, spec, pid)
      }
      last = runtime
      return runtime
    },
    teardown: () => {
      last = undefined
    },
    endless: (dir) => [join(dir, 'endless')],
    exits: (dir) => [join(dir, 'exits')],
    end: (runtime, handle, code) => {
      if (runtime instanceof InMemoryRuntime) runtime.end(handle.pid, { kind: 'exited', code })
    },
    stubborn: (dir, ready) => [join(dir, 'stubborn'), ready],
    prints: (dir) => [join(dir, 'prints')],
  }
}

/** What the program would do. */
function perform(runtime: InMemoryRuntime, spec: RunSpec, pid: number): void {
  const [program, ...args] = spec.command
  if (program.endsWith('stubborn')) writeFileSync(args[0] ?? '', '')
  if (!program.endsWith('prints')) return
  appendFileSync(spec.stdoutPath, args.map((arg) => `${arg}\n`).join(''))
  runtime.end(pid, { kind: 'exited', code: 0 })
}

const WELL = 1
const SICK = 2
const SILENT = 3

export function fakeHealthCheckerSetup(
  make: () => FakeHealthChecker & PluginLifecycle,
): HealthCheckerSetup {
  const target = (pid: number): HealthTarget<unknown> => ({ spec: {}, pid, ports: {} })
  return {
    create: (): HealthChecker<unknown> & PluginLifecycle => {
      const checker = make()
      checker.results.set(SICK, { healthy: false, detail: 'a test said so' })
      checker.results.set(SILENT, 'silent')
      return checker
    },
    valid: [{}, { answer: 'yes' }],
    invalid: [{ answer: 1 }, null],
    healthy: async (work) => work(target(WELL)),
    unhealthy: async (work) => work(target(SICK)),
    slow: async (work) => work(target(SILENT)),
  }
}

/** `make` is given the sink of the daemon before. */
export function fakeLogSinkSetup(
  make: (before?: InMemoryLogSink) => InMemoryLogSink,
): LogSinkSetup {
  const during =
    (mood: FarSideMood) =>
    async (sink: LogSink, work: () => Promise<void>): Promise<void> => {
      asFake(sink).mood = mood
      await work()
      asFake(sink).mood = 'well'
    }
  return {
    create: () => make(),
    stored: (sink) => asFake(sink).entries,
    reopen: (sink) => make(asFake(sink)),
    refuse: during('refuses'),
    deny: during('denies'),
    down: during('down'),
    slow: during('slow'),
  }
}

function asFake(sink: LogSink): InMemoryLogSink {
  if (sink instanceof InMemoryLogSink) return sink
  throw new Error('this is no InMemoryLogSink')
}

const peer = (peerId: string): PeerCandidate => ({
  peerId,
  addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${peerId}`],
  source: 'fake',
})

export function fakeDiscoverySetup(
  make: (candidates: readonly PeerCandidate[]) => InMemoryDiscovery & PluginLifecycle,
): DiscoverySetup {
  return {
    create: () => make([peer('a'), { ...peer('b'), addresses: [] }, peer('c')]),
    expected: ['a', 'b', 'c'],
    appear: (discovery) => {
      if (discovery instanceof InMemoryDiscovery) discovery.add(peer('d'))
      return 'd'
    },
  }
}
