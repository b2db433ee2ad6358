import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { LogEntry } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import { encodeLines } from './encode-lines.js'

const forever = new AbortController().signal

const entries = (lines: readonly string[]): LogEntry[] =>
  lines.map((line, index) => ({
    ...{ kind: 'app', timeMs: 1, node: 'n1', app: 'a', version: '1.0.0', instance: 'i' },
    ...{ stream: 'stdout', seq: index + 1, line },
  }))

it('writes a line of JSON for each entry, whatever is in it', async () => {
  const lines = ['', 'ü 🙂', '\0\u001b[31m', 'a\u2028b\nc', '\ud800', 'x'.repeat(200_000)]
  const { body, digest } = await encodeLines(entries(lines), forever)
  const text = gunzipSync(body)
  const back = text.toString().trimEnd().split('\n')
  expect(back.map((line) => JSON.parse(line) as unknown)).toEqual(entries(lines))
  expect(digest).toBe(createHash('sha256').update(text).digest('hex'))
})

it('gives the same bytes for the same entries, without a time in them', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${String(index)}`)
  const first = await encodeLines(entries(lines), forever)
  expect(await encodeLines(structuredClone(entries(lines)), forever)).toEqual(first)
  expect(first.body.readUInt32LE(4)).toBe(0)
})

it('stops when it is aborted', async () => {
  const stop = new AbortController()
  const encoding = encodeLines(entries(Array.from({ length: 50_000 }, () => 'x')), stop.signal)
  stop.abort(new Error('enough'))
  await expect(encoding).rejects.toThrow()
})
