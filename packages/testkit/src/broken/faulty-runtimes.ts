import { writeFileSync } from 'node:fs'
import type {
  ExitStatus,
  OnPlaced,
  ResourceUsage,
  RunHandle,
  RunSpec,
  RuntimeSupport,
} from '@p2p-playground/core'
import { InMemoryRuntime } from '../fakes/in-memory-runtime.js'

/* What breaks the promises that broken-runtimes.ts lists. */

const forever = new AbortController().signal

export class TakesAnyPid extends InMemoryRuntime {
  override async adopt(handle: RunHandle): Promise<boolean> {
    return super.adopt({ ...handle, startTicks: handle.pid })
  }
}

export class IgnoresTheBoot extends InMemoryRuntime {
  override async stop(handle: RunHandle): Promise<ExitStatus> {
    return super.stop({ ...handle, bootId: 'boot' })
  }
}

export class ThrowsAtASecondStop extends InMemoryRuntime {
  readonly #stopped = new Set<number>()

  override async stop(handle: RunHandle): Promise<ExitStatus> {
    if (this.#stopped.has(handle.pid)) throw new Error('it is stopped already')
    const end = await super.stop(handle)
    this.#stopped.add(handle.pid)
    return end
  }
}

export class ForgetsHowItEnded extends InMemoryRuntime {
  override async stop(handle: RunHandle): Promise<ExitStatus> {
    const isAlive = await this.adopt(handle)
    const end = await super.stop(handle)
    return isAlive ? end : { kind: 'signaled', signal: 'SIGTERM' }
  }
}

export class StopsOneAtATime extends InMemoryRuntime {
  #isStopping = false

  override async stop(handle: RunHandle): Promise<ExitStatus> {
    if (this.#isStopping) throw new Error('a stop is under way')
    this.#isStopping = true
    await Promise.resolve()
    this.#isStopping = false
    return super.stop(handle)
  }
}

export class LeavesTheStubborn extends InMemoryRuntime {
  readonly #stubborn = new Set<number>()

  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const handle = await super.start(spec, placed, signal)
    if (spec.command[0].endsWith('stubborn')) this.#stubborn.add(handle.pid)
    return handle
  }

  override async stop(handle: RunHandle): Promise<ExitStatus> {
    if (this.#stubborn.has(handle.pid)) return { kind: 'unknown', why: 'it did not end' }
    return super.stop(handle)
  }
}

export class GivesMoreThanJson extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const data = { startedAt: new Date(0) } as unknown as RunHandle['data']
    let rich: RunHandle | undefined
    const enrich: OnPlaced = (handle) => {
      rich = { ...handle, data }
      placed(rich)
    }
    const handle = await super.start(spec, enrich, signal)
    return rich ?? handle
  }
}

export class WaitsThroughAborts extends InMemoryRuntime {
  override async wait(handle: RunHandle): Promise<ExitStatus> {
    return super.wait(handle, forever)
  }
}

export class KillsWhenAWaitIsAborted extends InMemoryRuntime {
  override async wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus> {
    signal.addEventListener('abort', () => {
      this.end(handle.pid, { kind: 'signaled', signal: 'SIGTERM' })
    })
    return super.wait(handle, signal)
  }
}

export class TellsOneWaiter extends InMemoryRuntime {
  readonly #waited = new Set<number>()

  override async wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus> {
    if (this.#waited.has(handle.pid)) return { kind: 'unknown', why: 'somebody waits already' }
    this.#waited.add(handle.pid)
    return super.wait(handle, signal)
  }
}

export class TellsTheHandleLate extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const handle = await super.start(spec, () => undefined, signal)
    placed(handle)
    return handle
  }
}

export class TellsAnotherHandle extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const early: OnPlaced = (handle) => {
      placed({ ...handle, data: { early: true } })
    }
    return super.start(spec, early, signal)
  }
}

export class EndsWithZero extends InMemoryRuntime {
  override end(pid: number, exit: ExitStatus): void {
    super.end(pid, exit.kind === 'exited' ? { kind: 'exited', code: 0 } : exit)
  }
}

export class KillsAtClose extends InMemoryRuntime {
  readonly #pids: number[] = []

  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const handle = await super.start(spec, placed, signal)
    this.#pids.push(handle.pid)
    return handle
  }

  async close(): Promise<void> {
    for (const pid of this.#pids) this.end(pid, { kind: 'signaled', signal: 'SIGTERM' })
    return Promise.resolve()
  }
}

export class ThrowsAnyError extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    if (spec.command[0].endsWith('missing')) throw new Error('ENOENT')
    return super.start(spec, placed, signal)
  }
}

export class StartsWithoutTheSandbox extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    return super.start({ ...spec, sandbox: 'off' }, placed, signal)
  }
}

export class StartsAsTheDaemon extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    return super.start({ ...spec, user: undefined }, placed, signal)
  }
}

export class StartsThoughAborted extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced): Promise<RunHandle> {
    return super.start(spec, placed, forever)
  }
}

export class LeavesTheAborted extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const handle = await super.start(spec, placed, signal)
    signal.throwIfAborted()
    return handle
  }
}

export class SplitsArguments extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const [program, ...args] = spec.command
    const split = args.join(' ').split(' ')
    return super.start({ ...spec, command: [program, ...split] }, placed, signal)
  }
}

export class OverwritesTheOutput extends InMemoryRuntime {
  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    signal.throwIfAborted()
    writeFileSync(spec.stdoutPath, '')
    return super.start(spec, placed, signal)
  }
}

export class CountsWhatIsGone extends InMemoryRuntime {
  override async usage(handle: RunHandle): Promise<ResourceUsage> {
    const usage = await super.usage(handle)
    return handle.bootId === 'boot' ? { ...usage, processes: Math.max(usage.processes, 1) } : usage
  }
}

export class RunsOne extends InMemoryRuntime {
  #last: number | undefined

  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    const handle = await super.start(spec, placed, signal)
    if (this.#last !== undefined) this.end(this.#last, { kind: 'signaled', signal: 'SIGTERM' })
    this.#last = handle.pid
    return handle
  }
}

export class SaysNoReason extends InMemoryRuntime {
  override async support(): Promise<RuntimeSupport> {
    return { ...(await super.support()), cpu: { enforced: false, why: '' } }
  }
}

export class KnowsOnlyFailures extends InMemoryRuntime {
  override end(pid: number, exit: ExitStatus): void {
    const isSuccess = exit.kind === 'exited' && exit.code === 0
    super.end(pid, isSuccess ? { kind: 'unknown', why: 'there was no error' } : exit)
  }
}
