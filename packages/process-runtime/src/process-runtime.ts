import { randomUUID } from 'node:crypto'
import { ISOLATION_HINT, PlaygroundError, isPlaygroundError } from '@p2p-playground/core'
import type {
  ExitStatus,
  Logger,
  OnPlaced,
  ResourceUsage,
  RunHandle,
  RunSpec,
  Runtime,
  RuntimeSupport,
} from '@p2p-playground/core'
import { checkProgram } from './check-program.js'
import type { Confinement } from './confinement.js'
import { awaitExit, readExit } from './exit-record.js'
import { runOf, toData } from './handle-data.js'
import type { RunData } from './handle-data.js'
import { formatProcesses, signalProcess } from './kill.js'
import { launch } from './launch.js'
import type { Launched } from './launch.js'
import { isAlive, readBootId, readStat } from './proc.js'
import type { ProcessStat } from './proc.js'
import { SANDBOX_PROCESSES, bubblewrap } from './sandbox/bubblewrap.js'
import type { Bubblewrap } from './sandbox/bubblewrap.js'
import { handOver, setpriv } from './user.js'
import type { Setpriv } from './user.js'

/** For the wrapper to write its record once the program is killed. */
const RECORD_MS = 2000

/**
 * Runs a program as a process group of its own, whose output goes straight to files and which outlives the daemon.
 * What holds its processes together and limits them is the confinement's.
 */
export class ProcessRuntime implements Runtime {
  readonly #name: string
  readonly #confinement: Confinement
  readonly #sandbox: Bubblewrap
  readonly #setpriv: Setpriv
  readonly #logger: Logger | undefined

  constructor(options: {
    /** Of the plugin; handles carry it. */
    readonly name: string
    readonly confinement: Confinement
    readonly sandbox?: Bubblewrap
    readonly setpriv?: Setpriv
    /** Is told of processes that stay. */
    readonly logger?: Logger
  }) {
    this.#name = options.name
    this.#confinement = options.confinement
    this.#sandbox = options.sandbox ?? bubblewrap
    this.#setpriv = options.setpriv ?? setpriv
    this.#logger = options.logger
  }

  async support(): Promise<RuntimeSupport> {
    const [limits, sandbox, user] = await Promise.all([
      this.#confinement.support(),
      this.#sandbox.support(),
      this.#setpriv.support(),
    ])
    return { ...limits, sandbox, user }
  }

  async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    signal.throwIfAborted()
    await checkProgram(spec.command[0])
    const sandbox = await this.#sandboxFor(spec)
    if (spec.user !== undefined) await this.#requireUsers(spec.instance)
    await handOver(spec.rootDir, spec.user)
    const runId = randomUUID()
    const { instance, limits } = spec
    const extraProcesses = sandbox === undefined ? 0 : SANDBOX_PROCESSES
    const place = await this.#confinement.create({ runId, instance, limits, extraProcesses })
    const placing = Promise.withResolvers<RunHandle>()
    let handle: RunHandle | undefined
    const onPlaced = (launched: Launched): void => {
      const { pid, startTicks, ...pids } = launched
      const run = { ...pids, runId, place: place.data, runDir: spec.runDir }
      const data = toData({ ...run, memoryLimitBytes: limits.memoryBytes ?? null })
      handle = { runtime: this.#name, pid, startTicks, bootId: readBootId(), data }
      placed(handle)
      placing.resolve(handle)
    }
    try {
      await launch({ spec, runId, place, sandbox, setpriv: this.#setpriv }, onPlaced, signal)
      return await placing.promise
    } catch (error) {
      if (handle === undefined) await this.#confinement.remove(place.data)
      else {
        // What waits for the word to begin ends by itself when nobody gives it, and writes that down.
        await ended(handle, runOf(handle), RECORD_MS)
        await this.#clearSoon(handle, runOf(handle))
      }
      throw error
    }
  }

  async adopt(handle: RunHandle): Promise<boolean> {
    return Promise.resolve(isSame(handle) && isAlive(handle.pid))
  }

  async wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus> {
    const run = runOf(handle)
    const exit = await awaitExit(run, () => isGone(handle, run), signal)
    await this.#clearSoon(handle, run)
    return exit
  }

  async stop(handle: RunHandle, graceMs: number): Promise<ExitStatus> {
    const run = runOf(handle)
    if (isThisBoot(handle)) {
      const members = this.#confinement.members(run)
      // While one of ours is in it, the group cannot be another's that got the same number.
      if (members.some(({ group }) => group === run.groupPid)) {
        signalProcess(-run.groupPid, 'SIGTERM')
      }
      if (members.length > 0) await ended(handle, run, graceMs)
    }
    const left = await this.#clear(handle, run)
    const exit = await readExit(run)
    if (exit !== undefined) return exit
    const program = left.filter(({ pid }) => pid === handle.pid)
    return program.length === 0
      ? { kind: 'signaled', signal: 'SIGKILL' }
      : { kind: 'unknown', why: `it goes on as another user: ${formatProcesses(program)}` }
  }

  async usage(handle: RunHandle): Promise<ResourceUsage> {
    if (!isThisBoot(handle)) return { cpuMs: 0, memoryBytes: 0, processes: 0 }
    return this.#confinement.usage(runOf(handle))
  }

  /** Undefined for a program that runs without. @throws RUNTIME_SANDBOX */
  async #sandboxFor(spec: RunSpec): Promise<Bubblewrap | undefined> {
    if (spec.sandbox === 'off') return undefined
    const support = await this.#sandbox.support()
    if (support.enforced) return this.#sandbox
    if (spec.sandbox === 'auto') return undefined
    throw new PlaygroundError(
      'RUNTIME_SANDBOX',
      `${spec.instance} must run in a sandbox, and there is none: ${support.why}`,
      { hint: ISOLATION_HINT.sandbox },
    )
  }

  /** @throws RUNTIME_USER */
  async #requireUsers(instance: string): Promise<void> {
    const support = await this.#setpriv.support()
    if (support.enforced) return
    throw new PlaygroundError(
      'RUNTIME_USER',
      `${instance} must run as another user, and cannot: ${support.why}`,
      { hint: ISOLATION_HINT.user },
    )
  }

  /** Ends what is left of the run, and takes its place away; gives what is not ours to end. @throws RUNTIME_STOP */
  async #clear(handle: RunHandle, run: RunData): Promise<readonly ProcessStat[]> {
    if (!isThisBoot(handle)) return []
    const left = await this.#confinement.killAll(run)
    if (left.length > 0) {
      const why = 'they run as another user, and this daemon may not kill them'
      this.#logger?.warn('processes-left', { processes: formatProcesses(left), why })
    }
    await ended(handle, run, RECORD_MS)
    if (isWrapperThere(run)) signalProcess(run.wrapperPid, 'SIGKILL')
    await this.#confinement.remove(run.place)
    return left
  }

  /** The same where more matters than what stays: it has its SIGKILL, and goes when it wakes. */
  async #clearSoon(handle: RunHandle, run: RunData): Promise<void> {
    try {
      await this.#clear(handle, run)
    } catch (error) {
      if (!isPlaygroundError(error) || error.code !== 'RUNTIME_STOP') throw error
      this.#logger?.error('processes-left', { why: error.message })
    }
  }
}

/** Until the record is there, for at most `limitMs`. */
async function ended(handle: RunHandle, run: RunData, limitMs: number): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  try {
    await awaitExit(run, () => isGone(handle, run), limit)
  } catch (error) {
    if (!limit.aborted) throw error
  }
}

function isThisBoot(handle: RunHandle): boolean {
  return handle.bootId === readBootId()
}

function isSame(handle: RunHandle): boolean {
  return isThisBoot(handle) && readStat(handle.pid)?.startTicks === handle.startTicks
}

/** Neither the program nor its wrapper lives; a process that got the number of one of them is not it. */
function isGone(handle: RunHandle, run: RunData): boolean {
  if (!isThisBoot(handle)) return true
  return !isWrapperThere(run) && !(isSame(handle) && isAlive(handle.pid))
}

function isWrapperThere({ wrapperPid, wrapperStartTicks }: RunData): boolean {
  return isAlive(wrapperPid) && readStat(wrapperPid)?.startTicks === wrapperStartTicks
}
