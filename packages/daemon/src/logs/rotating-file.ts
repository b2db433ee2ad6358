import { join } from 'node:path'
import { errorMessage } from '@p2p-playground/core'
import type { LogFields } from '@p2p-playground/core'
import type winston from 'winston'
import DailyRotateFile from 'winston-daily-rotate-file'

const MAX_SIZE = '20m'
/** Files of one day or 20 MB each, whichever is less. */
const MAX_FILES = 10
/* The transport is typed against winston-transport by another path; it is one at run time. */
/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment */

/** After the disk refused, it is asked again no sooner. */
const RETRY_MS = 5000

/**
 * A winston logger's file, `DIR/daemon-DATE.log`. Rotation is winston-daily-rotate-file's, because winston's own loses lines when
 * it rotates by size. A stream that failed once takes nothing any more, so another one is opened in its place.
 */
export class RotatingFile {
  readonly #dir: string
  readonly #format: winston.Logform.Format
  readonly #logger: winston.Logger
  #file: DailyRotateFile | undefined
  #lostLines = 0
  #lostBecause = ''
  #retryAtMs = 0

  constructor(options: {
    readonly dir: string
    readonly format: winston.Logform.Format
    readonly logger: winston.Logger
  }) {
    this.#dir = options.dir
    this.#format = options.format
    this.#logger = options.logger
    this.#open()
  }

  /** Hands a line to the logger and so to this file. Never throws. */
  write(line: {
    readonly level: string
    readonly message: string
    readonly fields: LogFields
  }): void {
    if (this.#file === undefined && performance.now() >= this.#retryAtMs) this.#open()
    if (this.#file === undefined) this.#lostLines += 1
    else this.#sayWhatIsLost()
    // Winston complains on stderr about a line that nobody takes.
    if (this.#logger.transports.length > 0) this.#log(line)
  }

  /** Resolves when all that was written is in the file, or cannot be. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#retryAtMs = Infinity
    if (file === undefined) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    file.logStream.once('error', () => {
      resolve(undefined)
    })
    file.logStream.end(() => {
      resolve(undefined)
    })
    await promise
  }

  #open(): void {
    try {
      const file = new DailyRotateFile({
        dirname: this.#dir,
        filename: 'daemon-%DATE%.log',
        maxSize: MAX_SIZE,
        maxFiles: MAX_FILES,
        auditFile: join(this.#dir, '.daemon-log.json'),
        options: { flags: 'a', mode: 0o600 },
        format: this.#format,
      })
      const fail = (error: unknown): void => {
        this.#fail(file, error)
      }
      file.on('error', fail)
      file.logStream.on('error', fail)
      this.#logger.add(file)
      this.#file = file
    } catch (error) {
      this.#fail(undefined, error)
    }
  }

  #log(line: {
    readonly level: string
    readonly message: string
    readonly fields: LogFields
  }): void {
    try {
      this.#logger.log(line)
    } catch (error) {
      // Rotation makes files and directories within the call.
      this.#fail(this.#file, error)
    }
  }

  #fail(file: DailyRotateFile | undefined, error: unknown): void {
    if (file !== undefined && file !== this.#file) return
    this.#lostLines += 1
    this.#lostBecause = errorMessage(error)
    this.#retryAtMs = performance.now() + RETRY_MS
    this.#file = undefined
    if (file !== undefined) this.#logger.remove(file)
  }

  #sayWhatIsLost(): void {
    if (this.#lostLines === 0) return
    const fields = { lines: this.#lostLines, error: this.#lostBecause }
    this.#lostLines = 0
    this.#log({ level: 'error', message: 'daemon-log-lines-lost', fields })
  }
}
