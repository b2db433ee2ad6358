import { writeFileSync, truncateSync, appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDir } from './log-fixture.test.support.js'
import { MAX_LINE_BYTES, RawReader } from './raw-reader.js'

interface Found {
  readonly line: string
  readonly cut: boolean
}

function readerOf(content: string | Buffer): { reader: RawReader; path: string } {
  const path = join(temporaryDir(), 'stdout')
  writeFileSync(path, content)
  const reader = new RawReader(path, 0)
  onTestFinished(() => {
    reader.close()
  })
  return { reader, path }
}

function takeAll(reader: RawReader, flush: boolean): Found[] {
  const all: Found[] = []
  for (;;) {
    const { lines, end } = reader.peek(flush)
    if (lines.length === 0) return all
    all.push(...lines)
    reader.advance(end)
  }
}

const texts = (found: readonly Found[]): string[] => found.map(({ line }) => line)

describe('RawReader', () => {
  it.each<[string, string | Buffer, string[], string[]]>([
    ['nothing', '', [], []],
    ['one line', 'a\n', ['a'], []],
    ['empty lines', '\n\na\n\n', ['', '', 'a', ''], []],
    ['CRLF', 'a\r\nb\r\n\r\n', ['a', 'b', ''], []],
    ['a return within a line', 'a\rb\n', ['a\rb'], []],
    ['NUL', 'a\0b\n\0\n', ['a\0b', '\0'], []],
    ['no newline at the end', 'a\nb', ['a'], ['b']],
    ['only a line without its end', 'half', [], ['half']],
    [
      'bytes that are no UTF-8',
      Buffer.from([0x61, 0xff, 0xc3, 0x0a, 0x62, 0x0a]),
      ['a��', 'b'],
      [],
    ],
    ['characters of all lengths', 'é漢🙂\n', ['é漢🙂'], []],
  ])('reads %s', (_, content, whole, rest) => {
    const { reader } = readerOf(content)
    expect(texts(takeAll(reader, false))).toEqual(whole)
    expect(texts(takeAll(reader, true))).toEqual(rest)
    expect(reader.isAtEnd()).toBe(true)
  })

  it('stays where it is until told to go on', () => {
    const { reader } = readerOf('a\nb\n')
    expect(texts([...reader.peek(false).lines])).toEqual(['a', 'b'])
    expect(texts([...reader.peek(false).lines])).toEqual(['a', 'b'])
    expect(reader.offset).toBe(0)
  })

  it('takes no more lines than asked for, but one whatever its length', () => {
    const { reader } = readerOf('aaaa\nbb\ncc\ndd\n')
    expect(reader.peek(false, 1)).toMatchObject({ lines: [{ line: 'aaaa' }], end: 5 })
    expect(reader.peek(false, 6)).toMatchObject({ lines: [{}, { line: 'bb' }], end: 8 })
    expect(reader.peek(false).lines).toHaveLength(4)
  })

  it('waits for the rest of a line', () => {
    const { reader, path } = readerOf('ha')
    expect(takeAll(reader, false)).toEqual([])
    appendFileSync(path, 'lf\n')
    expect(texts(takeAll(reader, false))).toEqual(['half'])
  })

  it('does not divide a character at the end of a read', () => {
    const line = '🙂'.repeat(99)
    const count = 3000
    const { reader } = readerOf(`x${line}\n`.repeat(count))
    expect(new Set(texts(takeAll(reader, false)))).toEqual(new Set([`x${line}`]))
  })

  it.each([
    ['exactly as long as may be', 'a'.repeat(MAX_LINE_BYTES), 1],
    ['one byte longer', 'a'.repeat(MAX_LINE_BYTES + 1), 2],
    ['a few times longer', 'a'.repeat(MAX_LINE_BYTES * 3 + 5), 4],
    ['of characters that a cut could divide', `ab${'漢'.repeat(MAX_LINE_BYTES)}`, 4],
  ])('cuts a line that is %s, and marks all parts but the last', (_, line, parts) => {
    const { reader } = readerOf(`before\n${line}\nafter\n`)
    const found = takeAll(reader, false).slice(1, -1)
    expect(found).toHaveLength(parts)
    expect(texts(found).join('')).toBe(line)
    expect(found.map(({ cut }) => cut)).toEqual(found.map((_each, index) => index < parts - 1))
  })

  it('cuts a long line before it has ended, and takes its rest at the end', () => {
    const line = 'a'.repeat(MAX_LINE_BYTES * 2)
    const { reader } = readerOf(line)
    expect(takeAll(reader, false).map(({ cut }) => cut)).toEqual([true])
    expect(takeAll(reader, true).map(({ line: rest }) => rest.length)).toEqual([MAX_LINE_BYTES])
  })

  it('cuts bytes that are no UTF-8 all the same', () => {
    const { reader } = readerOf(Buffer.alloc(MAX_LINE_BYTES * 2, 0x80))
    expect(takeAll(reader, true)).toHaveLength(2)
  })

  it.each([-1, -3, -5])('never cuts a secret that lies across the cut at %i', (shift) => {
    const secret = 'hunter2'
    const before = 'a'.repeat(MAX_LINE_BYTES + shift)
    const { reader } = readerOf(`${before}${secret}${'b'.repeat(MAX_LINE_BYTES)}\n`)
    reader.keepWhole([secret])
    const found = texts(takeAll(reader, false))
    expect(found[0]).toBe(before)
    expect(found[1]?.startsWith(secret)).toBe(true)
  })

  it('notices that the file was emptied under it', () => {
    const { reader, path } = readerOf('a\n')
    takeAll(reader, false)
    expect(reader.isCutShort()).toBe(false)
    truncateSync(path)
    expect(reader.isCutShort()).toBe(true)
  })

  it('takes a file that is not there for empty', () => {
    const reader = new RawReader(join(temporaryDir(), 'none'), 0)
    expect(reader.peek(true).lines).toEqual([])
  })
})
