import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { RawOffsets, RawStream } from './frame.js'
import type { HolePuncher } from './hole-puncher.js'
import { RawReader, rawStart } from './raw-reader.js'
import type { RawLines } from './raw-reader.js'

type Streams<T> = Readonly<Record<RawStream, T>>

/** Both files that an instance writes to, read side by side. */
export class RawOutput {
  readonly #paths: Streams<string>
  readonly #stdout: RawReader
  readonly #stderr: RawReader
  /** Up to there the files' blocks were given back. */
  #freed: RawOffsets = { stdout: 0, stderr: 0 }

  /** Makes the files that are not there; reading goes on at the offsets. */
  constructor(dir: string, offsets: RawOffsets) {
    const { stdout, stderr } = (this.#paths = rawPaths(dir))
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    for (const path of [stdout, stderr]) closeSync(openSync(path, 'a', 0o600))
    this.#stdout = new RawReader(stdout, rawStart(stdout, offsets.stdout))
    this.#stderr = new RawReader(stderr, rawStart(stderr, offsets.stderr))
  }

  keepWhole(texts: readonly string[]): void {
    this.#stdout.keepWhole(texts)
    this.#stderr.keepWhole(texts)
  }

  sizes(): RawOffsets {
    return { stdout: this.#stdout.size(), stderr: this.#stderr.size() }
  }

  /** What `RawReader.peek` finds in each. */
  peek(flush: boolean, maxBytes: number): Streams<RawLines> {
    return {
      stdout: this.#stdout.peek(flush, maxBytes),
      stderr: this.#stderr.peek(flush, maxBytes),
    }
  }

  advance(offsets: RawOffsets): void {
    this.#stdout.advance(offsets.stdout)
    this.#stderr.advance(offsets.stderr)
  }

  isPast(offsets: RawOffsets): boolean {
    return this.#stdout.offset >= offsets.stdout && this.#stderr.offset >= offsets.stderr
  }

  isAtEnd(): boolean {
    return this.#stdout.isAtEnd() && this.#stderr.isAtEnd()
  }

  /** Goes on at the beginning of files that somebody emptied; true when there were any. */
  restartEmptied(): boolean {
    const emptied = [this.#stdout, this.#stderr].filter((reader) => reader.isCutShort())
    for (const reader of emptied) reader.advance(0)
    return emptied.length > 0
  }

  empty(): void {
    for (const path of Object.values(this.#paths)) {
      try {
        truncateSync(path)
      } catch (error) {
        // What somebody deleted begins anew as well.
        if (systemCode(error) !== 'ENOENT') throw error
      }
    }
  }

  /** Gives back the blocks before the offsets. */
  async free(offsets: RawOffsets, puncher: HolePuncher): Promise<void> {
    this.#freed = {
      stdout: await puncher.punch(this.#paths.stdout, this.#freed.stdout, offsets.stdout),
      stderr: await puncher.punch(this.#paths.stderr, this.#freed.stderr, offsets.stderr),
    }
  }

  close(): void {
    this.#stdout.close()
    this.#stderr.close()
  }
}

export function rawPaths(dir: string): Streams<string> {
  return { stdout: join(dir, 'stdout'), stderr: join(dir, 'stderr') }
}
