import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { directorySize } from './directory-size.js'

const never = new AbortController().signal
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-size-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

it('adds up a tree, and follows no link out of it', async () => {
  mkdirSync(join(dir, 'a', 'b'), { recursive: true })
  writeFileSync(join(dir, 'a', 'b', 'file'), Buffer.alloc(100_000, 1))
  writeFileSync(join(dir, 'other'), Buffer.alloc(50_000, 1))
  symlinkSync('/', join(dir, 'root'))
  const size = await directorySize(dir, 100, never)
  expect(size).toBeGreaterThanOrEqual(150_000)
  expect(size).toBeLessThan(250_000)
})

it('does not count holes', async () => {
  writeFileSync(join(dir, 'sparse'), 'x')
  truncateSync(join(dir, 'sparse'), 1e9)
  expect(await directorySize(dir, 100, never)).toBeLessThan(1e6)
})

it('gives up on a tree of too many entries', async () => {
  for (let index = 0; index < 11; index += 1) writeFileSync(join(dir, String(index)), '')
  expect(await directorySize(dir, 11, never)).toBe(0)
  expect(await directorySize(dir, 10, never)).toBeNull()
})

it('knows nothing of what is not there', async () => {
  expect(await directorySize(join(dir, 'nowhere'), 10, never)).toBeNull()
})

it('ends when nobody wants it any more', async () => {
  writeFileSync(join(dir, 'file'), '')
  const gone = AbortSignal.abort(new Error('stop'))
  await expect(directorySize(dir, 10, gone)).rejects.toThrow('stop')
})
