import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { PlaygroundError, formatDuration, isErrorCode } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import type { ConfigRequest } from '@p2p-playground/core/config'
import type { ExaminedError, Examination } from './examination.js'
import type { ExamineJob, ExamineMessage } from './examine-messages.js'

/** Of what a process said before it crashed, this much is shown. */
const SHOWN_ERROR_CHARS = 300

export interface ExamineRequest extends Pick<ConfigRequest, 'env' | 'config' | 'environment'> {
  readonly only?: string | undefined
  readonly schemas: boolean
  /** For each step of a package. */
  readonly limitMs: number
  readonly clock: Clock
}

/**
 * Looks at every plugin as a start of the daemon would, each in a process that may hang or crash: the next one then goes on
 * with those that follow.
 * @throws CONFIG_… when daemon.yaml cannot be read, PLUGIN_IMPORT when the list of what is installed cannot
 */
export async function examinePlugins(
  request: ExamineRequest,
  signal: AbortSignal,
): Promise<Examination[]> {
  const found: Examination[] = []
  const dataDir = await mkdtemp(join(tmpdir(), 'p2p-playground-plugins-'))
  try {
    for (let from = 0; ; from = found.length) {
      const round = await examineFrom({ ...request, from, dataDir }, signal)
      found.push(...round.found)
      if (round.lost === undefined) return found
      found.push(round.lost)
      if (found.length >= round.total) return found
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

interface Round {
  readonly total: number
  readonly found: readonly Examination[]
  /** The one at which the process hung or died. */
  readonly lost: Examination | undefined
}

async function examineFrom(
  request: ExamineRequest & Pick<ExamineJob, 'from' | 'dataDir'>,
  signal: AbortSignal,
): Promise<Round> {
  const { config, environment, only, schemas, limitMs, from, dataDir } = request
  const job: ExamineJob = { config, environment, only, schemas, limitMs, from, dataDir }
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./examine-child.js', import.meta.url)), JSON.stringify(job)],
    { env: request.env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'], signal },
  )
  const ended = endOf(child)
  const watch = new Watch(child, { clock: request.clock, limitMs: 2 * limitMs + MARGIN_MS })
  let total: number | undefined
  let failure: ExaminedError | undefined
  let looking: Examination | undefined
  const found: Examination[] = []
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    watch.heard()
    const message = JSON.parse(line) as ExamineMessage
    if (message.kind === 'begun') total = message.total
    else if (message.kind === 'failed') failure = message.error
    else if (message.kind === 'looking') looking = message.examination
    else {
      found.push(message.examination)
      looking = undefined
    }
  }
  const end = await ended
  watch.stop()
  signal.throwIfAborted()
  if (failure !== undefined) throw errorOf(failure)
  if (total === undefined)
    throw new PlaygroundError('INTERNAL', `plugins cannot be looked at: ${end.said}`)
  if (looking === undefined) return { total, found, lost: undefined }
  const why = watch.isLate ? `it blocks, for more than ${formatDuration(watch.limitMs)}` : end.said
  return { total, found, lost: { ...looking, error: crashOf(looking, why) } }
}

function errorOf({ code, message, hint, details }: ExaminedError): PlaygroundError {
  return new PlaygroundError(isErrorCode(code) ? code : 'INTERNAL', message, { hint, details })
}

/** For the process to begin. */
const START_MS = 20_000
/** Beyond the two steps of a package that may take their limit. */
const MARGIN_MS = 1000

function crashOf(looking: Examination, why: string): Examination['error'] {
  const { named, package: name } = looking
  const place =
    named === null ? '' : `${named.file}:${String(named.line)}:${String(named.column)}: `
  return {
    code: 'PLUGIN_IMPORT',
    message: `${place}${name} takes the process with it: ${why}`,
    hint: 'The daemon would not start with it, "optional: true" or not: take it out of daemon.yaml.',
    at: named ?? undefined,
    details: { takesProcess: true },
  }
}

/** Kills a process that says nothing for too long. */
class Watch {
  readonly limitMs: number
  readonly #child: ChildProcess
  readonly #clock: Clock
  #timer = new AbortController()
  #isLate = false

  constructor(child: ChildProcess, limit: { readonly clock: Clock; readonly limitMs: number }) {
    this.#child = child
    this.#clock = limit.clock
    this.limitMs = limit.limitMs
    void this.#wait(START_MS, this.#timer.signal)
  }

  get isLate(): boolean {
    return this.#isLate
  }

  /** It said something. */
  heard(): void {
    this.stop()
    this.#timer = new AbortController()
    void this.#wait(this.limitMs, this.#timer.signal)
  }

  stop(): void {
    this.#timer.abort()
  }

  async #wait(limitMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(limitMs, signal)
    } catch {
      // It has answered.
      return
    }
    this.#isLate = true
    this.#child.kill('SIGKILL')
  }
}

async function endOf(child: ChildProcess): Promise<{ readonly said: string }> {
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = `${errors}${text}`.slice(-10_000)
  })
  const { promise, resolve } = Promise.withResolvers<string>()
  child.once('error', (error) => {
    resolve(error.message)
  })
  child.once('close', (code, killedBy) => {
    resolve(killedBy === null ? `exit ${String(code)}` : `killed by ${killedBy}`)
  })
  const end = await promise
  const error = /^\w*Error.*$/m.exec(errors)?.[0] ?? errors.trim().split('\n').at(-1) ?? ''
  return { said: error === '' ? end : `${end}, ${error.slice(0, SHOWN_ERROR_CHARS)}` }
}
