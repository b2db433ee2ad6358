import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LogEntry } from '@p2p-playground/core'

/** A line that a sink will never take, and why. */
export interface DeadLetter {
  readonly timeMs: number
  readonly batch: string
  readonly reason: string
  readonly entry: LogEntry
}

/** Where such lines are kept for people. */
export interface DeadLetters {
  /** Resolves when it would be there after a power cut too. */
  add(letter: DeadLetter): Promise<void>
}

const MAX_BYTES = 8 * 1024 * 1024
const NEWLINE = 0x0a

/** Dead letters as lines of JSON; a torn end is cut off. Beyond 8 MiB the file becomes `PATH.1`, and what that was before goes. */
export class DeadLetterFile implements DeadLetters {
  readonly #path: string
  readonly #maxBytes: number

  constructor(path: string, options: { readonly maxBytes?: number } = {}) {
    this.#path = path
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
  }

  async add({ timeMs, batch, reason, entry }: DeadLetter): Promise<void> {
    const time = new Date(timeMs).toISOString()
    const bytes = Buffer.from(`${JSON.stringify({ time, batch, reason, entry })}\n`)
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    if (await this.#append(bytes)) return
    await rename(this.#path, `${this.#path}.1`)
    await this.#append(bytes)
  }

  /** False when the file has no room for it. */
  async #append(bytes: Buffer): Promise<boolean> {
    const file = await open(this.#path, 'a+', 0o600)
    try {
      const { size } = await file.stat()
      if (size > 0 && size + bytes.length > this.#maxBytes) return false
      const last = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1))
      if (size > 0 && last.buffer[0] !== NEWLINE) {
        await file.truncate((await readFile(this.#path)).lastIndexOf(NEWLINE) + 1)
      }
      await file.writeFile(bytes)
      await file.datasync()
      return true
    } finally {
      await file.close()
    }
  }
}
