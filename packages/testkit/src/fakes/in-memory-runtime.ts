import { PlaygroundError } from '@p2p-playground/core'
import type {
  ExitStatus,
  OnPlaced,
  ResourceUsage,
  RunHandle,
  RunSpec,
  Runtime,
  RuntimeSupport,
} from '@p2p-playground/core'

interface FakeRun {
  readonly spec: RunSpec
  readonly ended: PromiseWithResolvers<ExitStatus>
  exit: ExitStatus | undefined
}

const BOOT_ID = 'boot'
const FIRST_PID = 1001

/**
 * Runs nothing: a test ends its programs with `end`. A program at a path that ends in `missing` cannot be run, one at a path
 * that ends in `stubborn` ends only by SIGKILL.
 */
export class InMemoryRuntime implements Runtime {
  readonly started: RunSpec[] = []
  /** Told each program that was started, so that a test can end it. */
  onStart: ((spec: RunSpec, pid: number) => void) | undefined
  readonly #runs: Map<number, FakeRun>

  /** `before` is the runtime of an earlier daemon, whose programs go on. */
  constructor(before?: InMemoryRuntime) {
    this.#runs = before === undefined ? new Map<number, FakeRun>() : before.#runs
  }

  async support(): Promise<RuntimeSupport> {
    const not = { enforced: false, why: 'nothing runs' } as const
    return Promise.resolve({ cpu: not, memory: not, pids: not, sandbox: not, user: not })
  }

  async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    signal.throwIfAborted()
    if (spec.command[0].endsWith('missing')) {
      throw new PlaygroundError(
        'RUNTIME_SPAWN',
        `cannot run ${spec.command[0]}: there is no such file`,
      )
    }
    if (spec.sandbox === 'required') {
      throw new PlaygroundError('RUNTIME_SANDBOX', `${spec.instance} cannot run in a sandbox here`)
    }
    if (spec.user !== undefined) {
      throw new PlaygroundError('RUNTIME_USER', `${spec.instance} cannot run as another user here`)
    }
    const pid = FIRST_PID + this.#runs.size
    const handle = { runtime: 'fake', pid, startTicks: pid, bootId: BOOT_ID, data: {} }
    placed(handle)
    this.started.push(spec)
    this.#runs.set(pid, {
      spec,
      ended: Promise.withResolvers<ExitStatus>(),
      exit: undefined,
    })
    this.onStart?.(spec, pid)
    return Promise.resolve(handle)
  }

  async adopt(handle: RunHandle): Promise<boolean> {
    const run = this.#runOf(handle)
    return Promise.resolve(
      run !== undefined && run.exit === undefined && handle.startTicks === handle.pid,
    )
  }

  async wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus> {
    const run = this.#runOf(handle)
    if (run === undefined) return { kind: 'unknown', why: 'it never ran here' }
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => {
      aborted.reject(signal.reason as Error)
    }
    signal.throwIfAborted()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([run.ended.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async stop(handle: RunHandle): Promise<ExitStatus> {
    const run = this.#runOf(handle)
    if (run === undefined) return { kind: 'unknown', why: 'it never ran here' }
    const signal = run.spec.command[0].endsWith('stubborn') ? 'SIGKILL' : 'SIGTERM'
    this.end(handle.pid, { kind: 'signaled', signal })
    return run.ended.promise
  }

  async usage(handle: RunHandle): Promise<ResourceUsage> {
    const alive = await this.adopt(handle)
    return { cpuMs: 0, memoryBytes: alive ? 1 : 0, processes: alive ? 1 : 0 }
  }

  /** The program ends by itself. */
  end(pid: number, exit: ExitStatus): void {
    const run = this.#runs.get(pid)
    if (run === undefined || run.exit !== undefined) return
    run.exit = exit
    run.ended.resolve(exit)
  }

  #runOf({ pid, bootId }: RunHandle): FakeRun | undefined {
    return bootId === BOOT_ID ? this.#runs.get(pid) : undefined
  }
}
