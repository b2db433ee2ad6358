import type {
  Enforcement,
  ExitStatus,
  ResourceUsage,
  RunHandle,
  Runtime,
  RuntimeSupport,
} from '@p2p-playground/core'
import { failed, guardedCall, guardedCallWithin } from './guarded-call.js'
import type { GuardedPlugin } from './guarded-call.js'

/** How long a runtime may take to answer a question. */
const ANSWER_MS = 10_000
/** How long it may take until a program has begun; some have to bring it first. */
const START_MS = 120_000
/** How long it may take to end a program beyond the grace that the program has. */
const END_MS = 60_000

/** A runtime whose answers are what they should be, and come in time. */
export function guardRuntime(runtime: Runtime, plugin: GuardedPlugin): Runtime {
  const answer = <Value>(what: string, work: () => Promise<Value>): Promise<Value> =>
    guardedCallWithin(plugin, { limitMs: ANSWER_MS, what }, work)
  return {
    support: async () => readSupport(await answer('support', () => runtime.support()), plugin),
    start: async (spec, placed, signal) => {
      let refusal: unknown
      const start = (late: AbortSignal): Promise<RunHandle> => {
        const onPlaced = (handle: RunHandle): void => {
          // The daemon has given it up: what has not begun by now must not.
          late.throwIfAborted()
          try {
            placed(readHandle(handle, plugin))
          } catch (error) {
            refusal = error
            throw error
          }
        }
        return runtime.start(spec, onPlaced, AbortSignal.any([signal, late]))
      }
      try {
        const limit = { limitMs: START_MS, what: 'start' }
        return readHandle(await guardedCallWithin(plugin, limit, start), plugin)
      } catch (error) {
        signal.throwIfAborted()
        // What the daemon itself could not do is no fault of the runtime.
        throw refusal ?? error
      }
    },
    adopt: async (handle) => answer('adopt', () => runtime.adopt(handle)),
    wait: async (handle, signal) =>
      readExit(await guardedCall(plugin, () => runtime.wait(handle, signal), signal), plugin),
    stop: async (handle, graceMs) => {
      const limit = { limitMs: graceMs + END_MS, what: 'stop' }
      const stop = (): Promise<ExitStatus> => runtime.stop(handle, graceMs)
      return readExit(await guardedCallWithin(plugin, limit, stop), plugin)
    },
    usage: async (handle) => readUsage(await answer('usage', () => runtime.usage(handle)), plugin),
  }
}

function readSupport(support: unknown, plugin: GuardedPlugin): RuntimeSupport {
  const known = record(support)
  const one = (name: keyof RuntimeSupport): Enforcement => {
    const { enforced, by, why } = record(known[name])
    if (enforced === true) return { enforced, by: typeof by === 'string' ? by : plugin.name }
    return { enforced: false, why: typeof why === 'string' ? why : `${plugin.label} does not say` }
  }
  return {
    cpu: one('cpu'),
    memory: one('memory'),
    pids: one('pids'),
    sandbox: one('sandbox'),
    user: one('user'),
    ...(known['network'] === undefined ? {} : { network: one('network') }),
  }
}

/** It is written down and used by the next daemon: nothing else may come in its place. */
function readHandle(handle: RunHandle, plugin: GuardedPlugin): RunHandle {
  const { runtime, pid, startTicks, bootId } = record(handle)
  const isHandle =
    runtime === plugin.name &&
    Number.isInteger(pid) &&
    typeof startTicks === 'number' &&
    typeof bootId === 'string'
  if (!isHandle)
    throw failed(plugin, 'its start gave no handle that names the runtime and a program')
  return handle
}

const EXITS: ReadonlySet<unknown> = new Set<ExitStatus['kind']>([
  'exited',
  'signaled',
  'oom',
  'unknown',
])

function readExit(exit: ExitStatus, plugin: GuardedPlugin): ExitStatus {
  if (EXITS.has(record(exit)['kind'])) return exit
  throw failed(plugin, 'it does not say how the program ended')
}

function readUsage(usage: ResourceUsage, plugin: GuardedPlugin): ResourceUsage {
  const { cpuMs, memoryBytes, processes } = record(usage)
  if ([cpuMs, memoryBytes, processes].every((one) => typeof one === 'number')) return usage
  throw failed(plugin, 'its usage is not numbers')
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
