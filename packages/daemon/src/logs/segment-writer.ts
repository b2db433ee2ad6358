import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { errorMessage } from '@p2p-playground/core'

const syncFile = promisify(fdatasync)

/** Appends to one file. What cannot be written whole is taken back, and nothing is written behind it before it is. */
export class SegmentWriter {
  readonly path: string
  readonly #fd: number
  #sizeBytes: number
  #isDirty = false
  /** There may be more in the file than `#sizeBytes`. */
  #isTorn = false
  /** Until its directory is synced as well. */
  #isNew: boolean
  #isClosed = false
  #running: Promise<void> | undefined

  /**
   * Opens the file, made when it is not there, and cuts off what it has beyond `sizeBytes`: a refusal left that.
   * @throws what the file system says, as does `append`.
   */
  constructor(path: string, sizeBytes: number) {
    this.path = path
    const there = statSync(path, { throwIfNoEntry: false })
    if (there !== undefined && there.size > sizeBytes) truncateSync(path, sizeBytes)
    this.#fd = openSync(path, 'a', 0o600)
    this.#sizeBytes = sizeBytes
    this.#isNew = sizeBytes === 0
  }

  append(bytes: Buffer): void {
    this.#isDirty = true
    if (this.#isTorn) this.#takeBack()
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
    } catch (error) {
      try {
        this.#takeBack()
      } catch (second) {
        if (error instanceof Error) error.message += `; then ${errorMessage(second)}`
      }
      throw error
    }
    this.#sizeBytes += bytes.length
  }

  #takeBack(): void {
    this.#isTorn = true
    ftruncateSync(this.#fd, this.#sizeBytes)
    this.#isTorn = false
  }

  /** Resolves when all that was appended before is on the disk. Does not hold up the daemon meanwhile. */
  async sync(): Promise<void> {
    // Whoever waited with us may have begun the next.
    while (this.#running !== undefined) await this.#running
    if ((!this.#isDirty && !this.#isNew) || this.#isClosed) return
    this.#isDirty = false
    this.#running = syncFile(this.#fd)
    try {
      await this.#running
    } catch (error) {
      this.#isDirty = true
      throw error
    } finally {
      this.#running = undefined
    }
    if (!this.#isNew) return
    await syncPath(dirname(this.path))
    this.#isNew = false
  }

  /** The same at once. */
  syncNow(): void {
    if (this.#isClosed || (!this.#isDirty && !this.#isNew && this.#running === undefined)) return
    fdatasyncSync(this.#fd)
    this.#isDirty = false
    if (this.#isNew) syncDirNow(this.path)
    this.#isNew = false
  }

  /** Idempotent. What is not synced yet stays in the hands of the system. @throws what the file system says */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // A descriptor that is being synced must not be given to another file.
    await this.#running?.catch(() => undefined)
    try {
      if (this.#isTorn) this.#takeBack()
    } finally {
      closeSync(this.#fd)
    }
  }
}

/** Of a file, or of a directory: a new file is only there after a power cut when that says so. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function syncDirNow(path: string): void {
  const dir = openSync(dirname(path), 'r')
  try {
    fsyncSync(dir)
  } finally {
    closeSync(dir)
  }
}
