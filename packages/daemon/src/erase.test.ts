import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { overwriteTree } from './erase.js'

let root: string
let dir: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-erase-'))
  dir = join(root, 'tree')
  mkdirSync(join(dir, 'deep'), { recursive: true })
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

describe('overwriteTree', () => {
  it('leaves every file as long as it was, and nothing but zeros in it', async () => {
    const files = { one: 5, 'deep/two': 1024 * 1024 + 17, empty: 0 }
    for (const [name, size] of Object.entries(files))
      writeFileSync(join(dir, name), Buffer.alloc(size, 'x'))
    await overwriteTree(dir)
    for (const [name, size] of Object.entries(files))
      expect(readFileSync(join(dir, name)).equals(Buffer.alloc(size))).toBe(true)
  })

  it('also of files that nobody may write to', async () => {
    writeFileSync(join(dir, 'one'), 'secret', { mode: 0o400 })
    await overwriteTree(dir)
    expect(readFileSync(join(dir, 'one')).equals(Buffer.alloc(6))).toBe(true)
  })

  it('gives a sparse file no blocks that it did not have', async () => {
    const path = join(dir, 'sparse')
    const size = 1024 ** 3
    writeFileSync(path, 'begin')
    truncateSync(path, size)
    const file = openSync(path, 'r+')
    writeSync(file, 'end', size - 3)
    const { blocks } = fstatSync(file)
    await overwriteTree(dir)
    expect(fstatSync(file).blocks).toBeLessThan(blocks + 8192)
    const ends = Buffer.alloc(8, 'x')
    readSync(file, ends, 0, 5, 0)
    readSync(file, ends, 5, 3, size - 3)
    closeSync(file)
    expect(ends.equals(Buffer.alloc(8))).toBe(true)
  })

  it('touches nothing that lies elsewhere', async () => {
    const outside = join(root, 'outside')
    writeFileSync(outside, 'kept')
    symlinkSync(outside, join(dir, 'link'))
    linkSync(outside, join(dir, 'hard'))
    symlinkSync(join(root, 'none'), join(dir, 'dangling'))
    await overwriteTree(dir)
    expect(readFileSync(outside, 'utf8')).toBe('kept')
  })

  it('has nothing to do where there is nothing', async () => {
    await expect(overwriteTree(join(root, 'none'))).resolves.toBeUndefined()
  })
})
