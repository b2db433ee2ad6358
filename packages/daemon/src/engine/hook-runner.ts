import { open } from 'node:fs/promises'
import { formatDuration, formatExit, formatInstance, systemCode } from '@p2p-playground/core'
import type { Clock, ExitStatus, InstanceRecord, RunHandle, RunSpec } from '@p2p-playground/core'
import type { InstanceTable } from './instance-table.js'
import type { HookName, Launcher } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'

/** SPEC: a hook has so long. */
const LIMIT_MS = 30_000
/** Between SIGTERM and SIGKILL for one that takes longer. */
const GRACE_MS = 1000
/** Of its output, the first so much is kept. */
const MAX_OUTPUT_BYTES = 1024 * 1024

export interface HookOutcome {
  readonly exit: ExitStatus
  /** Why it counts as failed; undefined when it did its work. */
  readonly failure: string | undefined
}

/** Runs the scripts of a package around a run: as the program runs, within its limits, with a time-out and a log of their own. */
export class HookRunner {
  readonly #table: InstanceTable
  readonly #launcher: Launcher
  readonly #logs: LogStore
  readonly #clock: Clock

  constructor(options: {
    readonly table: InstanceTable
    readonly launcher: Launcher
    readonly logs: LogStore
    readonly clock: Clock
  }) {
    this.#table = options.table
    this.#launcher = options.launcher
    this.#logs = options.logs
    this.#clock = options.clock
  }

  /** Undefined when the package has no such hook. When `signal` aborts, the hook is ended and the call rejects. */
  async run(
    record: InstanceRecord,
    hook: HookName,
    signal: AbortSignal,
  ): Promise<HookOutcome | undefined> {
    const script = this.#launcher.hookOf(record, hook)
    if (script === undefined) return undefined
    const spec = await this.#launcher.prepareHook(record, hook, script)
    const runtime = this.#launcher.runtimeOf(record)
    const placed = (handle: RunHandle): void => {
      this.#table.update(record, { hook: handle })
    }
    const handle = await runtime.start(spec, placed, signal)
    try {
      const exit = await this.#within(record, handle, signal)
      const failure = exit === undefined ? `no end within ${formatDuration(LIMIT_MS)}` : bad(exit)
      const end = exit ?? (await runtime.stop(handle, GRACE_MS))
      if (failure !== undefined) this.#tellFailure(record, hook, failure)
      return { exit: end, failure: failure && `${hook}: ${failure}` }
    } finally {
      // Also whatever it left running.
      await runtime.stop(handle, GRACE_MS)
      await this.#keepOutput(record, hook, spec)
      this.#table.update(record, { hook: null })
    }
  }

  /** Ends the hook of a daemon that was killed in the middle of it. */
  async endLeftOver(record: InstanceRecord): Promise<void> {
    if (record.hook === null) return
    await this.#launcher.runtimeOf({ ...record, handle: record.hook }).stop(record.hook, 0)
    this.#table.update(record, { hook: null })
  }

  /** Undefined when its time is up. */
  async #within(
    record: InstanceRecord,
    handle: RunHandle,
    signal: AbortSignal,
  ): Promise<ExitStatus | undefined> {
    const timeUp = new AbortController()
    const ends = AbortSignal.any([signal, timeUp.signal])
    const done = new AbortController()
    this.#clock.sleep(LIMIT_MS, done.signal).then(
      () => {
        timeUp.abort()
      },
      // It ended before.
      () => undefined,
    )
    try {
      return await this.#launcher.runtimeOf(record).wait(handle, ends)
    } catch (error) {
      if (timeUp.signal.aborted && !signal.aborted) return undefined
      throw error
    } finally {
      done.abort()
    }
  }

  async #keepOutput(record: InstanceRecord, hook: HookName, spec: RunSpec): Promise<void> {
    const text = await readStart(spec.stdoutPath, MAX_OUTPUT_BYTES)
    const lines = text.split('\n')
    if (lines.at(-1) === '') lines.pop()
    if (lines.length === 0) return
    // The log must know what to hide.
    await this.#launcher.openLog(record)
    await this.#logs.append(record, hook, lines)
    if (hook === 'post-stop') await this.#logs.finish(record)
  }

  #tellFailure(record: InstanceRecord, hook: HookName, failure: string): void {
    this.#table.record({
      timeMs: this.#clock.now(),
      type: 'hook',
      app: record.app,
      version: record.version,
      message: `${hook} of ${formatInstance(record)} failed: ${failure}`,
      code: 'APP_HOOK',
      by: null,
    })
  }
}

function bad(exit: ExitStatus): string | undefined {
  return exit.kind === 'exited' && exit.code === 0 ? undefined : formatExit(exit)
}

async function readStart(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    // It never began to write.
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}
