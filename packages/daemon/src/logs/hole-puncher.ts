import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'

const run = promisify(execFile)

/** Holes are made of whole blocks. */
const BLOCK_BYTES = 4096
/** A program is started for each hole: not for less than that. */
const BATCH_BYTES = 8 * 1024 * 1024

/** Its messages are read. */
const ENGLISH = { ...process.env, LC_ALL: 'C' }
/** Of util-linux and of busybox; ENOSYS and EOPNOTSUPP by strerror(3). */
const NOT_SUPPORTED =
  /not supported|is unsupported|not implemented|(unrecognized|unknown|invalid) option/i

/**
 * Gives back the blocks of a file that others go on appending to: fallocate(2) with FALLOC_FL_PUNCH_HOLE, by the program of
 * util-linux, because Node has no such call. The file keeps its size and its offsets. Where it cannot be done that is said once.
 */
export class HolePuncher {
  readonly #logger: Logger
  readonly #program: string
  #isAble = true

  constructor(options: { readonly logger: Logger; readonly program?: string }) {
    this.#logger = options.logger
    this.#program = options.program ?? 'fallocate'
  }

  /** Frees what lies between the offsets, when that is much; returns where the next hole begins. */
  async punch(path: string, from: number, to: number): Promise<number> {
    const end = to - (to % BLOCK_BYTES)
    if (!this.#isAble || end - from < BATCH_BYTES) return from
    const range = ['--offset', String(from), '--length', String(end - from)]
    try {
      await run(this.#program, ['--punch-hole', '--keep-size', ...range, path], { env: ENGLISH })
      return end
    } catch (error) {
      if (isForGood(error)) this.#giveUp(path, error)
      // Such as no process left, or a file that was removed meanwhile: the next commit tries again.
      else this.#logger.debug('log-hole-failed', { path, error: errorMessage(error).trim() })
      return from
    }
  }

  /** Once, for several may have been under way. */
  #giveUp(path: string, error: unknown): void {
    if (!this.#isAble) return
    this.#isAble = false
    this.#logger.warn('log-raw-not-freed', {
      path,
      error: errorMessage(error).trim(),
      effect: 'the raw output of a running app keeps its space until the app ends',
    })
  }
}

/** True when neither another file nor another time will do better. */
function isForGood(error: unknown): boolean {
  const code = systemCode(error)
  // The program is not there, or none; what it cannot open it says by its exit status.
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC') return true
  return NOT_SUPPORTED.test(errorMessage(error))
}
