import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeFileDurably } from './durable-file.js'

let dir: string
let path: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-durable-'))
  path = join(dir, 'file')
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

const modeOf = (of: string): number => statSync(of).mode & 0o777

describe('writeFileDurably', () => {
  it('ends where no directory can be made', async () => {
    // There the system says ENOENT, as if the parent were missing.
    const writing = writeFileDurably('/proc/none/deeper/file', 'text', { mode: 0o600 })
    await expect(writing).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/none' })
  })

  it.each([0o600, 0o644, 0o666, 0o755])(
    'gives the file its mode (%o), not the umask’s',
    async (mode) => {
      await writeFileDurably(path, 'text', { mode })
      expect(modeOf(path)).toBe(mode)
      expect(readFileSync(path, 'utf8')).toBe('text')
      expect(readdirSync(dir)).toEqual(['file'])
    },
  )

  it('makes missing directories, for the owner alone unless told otherwise', async () => {
    await writeFileDurably(join(dir, 'a/b/file'), 'x', { mode: 0o600 })
    await writeFileDurably(join(dir, 'open/file'), 'x', { mode: 0o600, dirMode: 0o755 })
    expect(['a', 'a/b', 'open'].map((one) => modeOf(join(dir, one)))).toEqual([0o700, 0o700, 0o755])
  })

  it('takes a relative path', async () => {
    const before = process.cwd()
    process.chdir(dir)
    try {
      await writeFileDurably('new/file', 'x', { mode: 0o600 })
    } finally {
      process.chdir(before)
    }
    expect(readFileSync(join(dir, 'new/file'), 'utf8')).toBe('x')
  })

  it('replaces a file and its mode; who has the old one open reads the old one on', async () => {
    writeFileSync(path, 'old', { mode: 0o644 })
    const { ino } = statSync(path)
    await writeFileDurably(path, new TextEncoder().encode('new'), { mode: 0o600 })
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(modeOf(path)).toBe(0o600)
    expect(statSync(path).ino).not.toBe(ino)
  })

  it('passes over the draft of one that was killed', async () => {
    writeFileSync(`${path}.new`, 'half', { mode: 0o444 })
    await writeFileDurably(path, 'whole', { mode: 0o600 })
    expect(readFileSync(path, 'utf8')).toBe('whole')
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it('refuses to replace what must not be', async () => {
    writeFileSync(path, 'precious', { mode: 0o640 })
    chmodSync(path, 0o640)
    const writing = writeFileDurably(path, 'other', { mode: 0o600, exclusive: true })
    await expect(writing).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(modeOf(path)).toBe(0o640)
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it('lets one of many that must be first through', async () => {
    const options = { mode: 0o600, exclusive: true }
    const ends = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, index) => writeFileDurably(path, String(index), options)),
    )
    const first = ends.findIndex(({ status }) => status === 'fulfilled')
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(readFileSync(path, 'utf8')).toBe(String(first))
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it('leaves one whole file when many write it at a time', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000))
    const options = { mode: 0o600, shared: true }
    await Promise.all(texts.map(async (text) => writeFileDurably(path, text, options)))
    expect(texts).toContain(readFileSync(path, 'utf8'))
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it.each([{}, { exclusive: true }])(
    'leaves nothing of its own after a failure (%o)',
    async (how) => {
      mkdirSync(path)
      writeFileSync(join(path, 'inside'), '')
      await expect(writeFileDurably(path, 'x', { mode: 0o600, ...how })).rejects.toThrow()
      expect(readdirSync(dir)).toEqual(['file'])
      expect(readdirSync(path)).toEqual(['inside'])
    },
  )
})
