import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { systemCode } from '@p2p-playground/core'

/** A longer line becomes several. */
export const MAX_LINE_BYTES = 256 * 1024
/** How far behind a cut is looked for a secret that the cut would divide. */
const LOOKAHEAD_BYTES = 64 * 1024
const NEWLINE = 0x0a
const RETURN = 0x0d

/** Reads are done at once and decoded at once, so that one buffer serves all readers. */
const BUFFER = Buffer.allocUnsafeSlow(MAX_LINE_BYTES + LOOKAHEAD_BYTES)

/** What one read found. */
export interface RawLines {
  readonly lines: readonly { readonly line: string; readonly cut: boolean }[]
  /** The offset behind the last of them. */
  readonly end: number
}

/** Reads whole lines from a file that a program appends to. */
export class RawReader {
  readonly #path: string
  #fd: number | undefined
  #offset: number
  #keepWhole: readonly Buffer[] = []

  constructor(path: string, offset: number) {
    this.#path = path
    this.#offset = offset
  }

  /** Behind the last line that was taken. */
  get offset(): number {
    return this.#offset
  }

  /** Texts that no cut may divide, or else they could not be redacted. */
  keepWhole(texts: readonly string[]): void {
    this.#keepWhole = texts.map((text) => Buffer.from(text))
  }

  /**
   * The next whole lines, at most one read's worth and none that begins beyond `maxBytes`; with `flush` also a last line without
   * its end. Stays where it is.
   */
  peek(flush: boolean, maxBytes = Infinity): RawLines {
    this.#fd ??= tryOpen(this.#path)
    if (this.#fd === undefined) return { lines: [], end: this.#offset }
    const length = readSync(this.#fd, BUFFER, 0, BUFFER.length, this.#offset)
    const data = BUFFER.subarray(0, length)
    const isFull = length === BUFFER.length
    const lines: { line: string; cut: boolean }[] = []
    let start = 0
    while (start < Math.min(length, maxBytes)) {
      const newline = data.indexOf(NEWLINE, start)
      const end = newline === -1 ? length : newline
      const isEnded = newline !== -1 || (flush && !isFull)
      if (end - start > MAX_LINE_BYTES && (isEnded || (isFull && start === 0))) {
        const cut = this.#cutPoint(data, start)
        lines.push({ line: data.toString('utf8', start, cut), cut: true })
        start = cut
      } else if (isEnded) {
        lines.push({ line: decodeLine(data, start, end), cut: false })
        start = newline === -1 ? end : end + 1
      } else break
    }
    return { lines, end: this.#offset + start }
  }

  /** Of the file that is read, also when somebody deleted it: a program may still write to it. */
  size(): number {
    this.#fd ??= tryOpen(this.#path)
    return this.#fd === undefined ? this.#offset : fstatSync(this.#fd).size
  }

  /** Goes on from there. */
  advance(offset: number): void {
    this.#offset = offset
  }

  /** True when the file is shorter than what was read of it: somebody emptied it. */
  isCutShort(): boolean {
    return this.#fd !== undefined && fstatSync(this.#fd).size < this.#offset
  }

  /** True when nothing is left to read. */
  isAtEnd(): boolean {
    return this.#fd === undefined || fstatSync(this.#fd).size === this.#offset
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  /** At most `MAX_LINE_BYTES` behind `start`, neither within a character nor within a text to be kept whole. */
  #cutPoint(data: Buffer, start: number): number {
    let cut = characterStart(data, start + MAX_LINE_BYTES)
    for (let moved = true; moved;) {
      moved = false
      for (const text of this.#keepWhole) {
        const at = data.indexOf(text, Math.max(start + 1, cut - text.length + 1))
        if (at === -1 || at >= cut) continue
        cut = at
        moved = true
      }
    }
    return cut
  }
}

/** Where reading goes on. A file shorter than what was read of it was emptied by a `finish` that a crash cut short. */
export function rawStart(path: string, offset: number): number {
  return statSync(path).size < offset ? 0 : offset
}

/** The beginning of the character that `at` lies in; `at` itself where the bytes are no UTF-8 (RFC 3629: at most 4 bytes). */
function characterStart(data: Buffer, at: number): number {
  for (let start = at; start > at - 4; start -= 1) {
    if (((data[start] ?? 0) & 0xc0) !== 0x80) return start
  }
  return at
}

function decodeLine(data: Buffer, start: number, end: number): string {
  return data.toString('utf8', start, data[end - 1] === RETURN && end > start ? end - 1 : end)
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
