import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { systemCode } from '@p2p-playground/core'

const READ_BYTES = 256 * 1024
/** A longer line becomes several. */
const MAX_LINE_BYTES = 256 * 1024
const NEWLINE = 0x0a
const RETURN = 0x0d

/** Reads whole lines from a file that a program appends to. */
export class RawReader {
  readonly #path: string
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES)
  #fd: number | undefined
  #offset: number

  constructor(path: string, offset: number) {
    this.#path = path
    this.#offset = offset
  }

  /** Behind the last line that was given out. */
  get offset(): number {
    return this.#offset
  }

  /** The next whole lines, at most one read's worth; with `flush` also a last line without its end. */
  read(flush: boolean): string[] {
    this.#fd ??= tryOpen(this.#path)
    if (this.#fd === undefined) return []
    const length = readSync(this.#fd, this.#buffer, 0, READ_BYTES, this.#offset)
    const data = this.#buffer.subarray(0, length)
    const lines: string[] = []
    let start = 0
    for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, start)) {
      lines.push(decode(data.subarray(start, end)))
      start = end + 1
    }
    const rest = length - start
    const atEnd = this.#offset + length >= fstatSync(this.#fd).size
    if (rest > 0 && ((flush && atEnd) || rest >= MAX_LINE_BYTES)) {
      lines.push(decode(data.subarray(start, length)))
      start = length
    }
    this.#offset += start
    return lines
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

function decode(bytes: Buffer): string {
  const end = bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length
  const decoder = new StringDecoder('utf8')
  return decoder.write(bytes.subarray(0, end)) + decoder.end()
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
