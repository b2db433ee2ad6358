import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogBatch, LogSink } from '@p2p-playground/core'

/** Keeps each batch as a file of JSON lines. One that comes again takes the place of the first: nothing is stored twice. */
export class DirectorySink implements LogSink {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await mkdir(this.#dir, { recursive: true })
    const path = join(this.#dir, `${encodeURIComponent(batch.id)}.ndjson`)
    const text = batch.entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
    try {
      const file = await open(`${path}.new`, 'w')
      try {
        await file.writeFile(text, { signal })
        // Resolving says that the batch is safe: the daemon forgets it then.
        await file.sync()
      } finally {
        await file.close()
      }
      signal.throwIfAborted()
      await rename(`${path}.new`, path)
    } catch (error) {
      await rm(`${path}.new`, { force: true })
      throw error
    }
  }
}
