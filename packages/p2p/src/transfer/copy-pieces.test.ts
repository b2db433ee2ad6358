import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { fstatSync } from 'node:fs'
import { open, readFile, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { pieceListDigest } from '@p2p-playground/core/bundle'
import type { Piece } from '@p2p-playground/core/bundle'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { MB, fetchFrom, loopback, receiver, source, spoilt } from './transfer.test.support.js'
import type { Offered } from './transfer.test.support.js'

afterEach(() => loopback.close())

/** Whether this process has a descriptor of a file. */
async function isOpen(path: string): Promise<boolean> {
  const files = await readdir('/proc/self/fd')
  const paths = files.map(async (file) => readlink(`/proc/self/fd/${file}`).catch(() => undefined))
  return (await Promise.all(paths)).includes(path)
}

describe('a file on this machine', () => {
  it.each([true, false])(
    'is copied, and no source is asked, when unchecked is %s',
    async (unchecked) => {
      const file = await loopback.file(6 * MB)
      const read: Buffer[] = []
      const { result, progress, partPath } = await fetchFrom(await receiver(), file, [], {
        localPath: file.path,
        unchecked,
        reader: async (bytes) => {
          read.push(Buffer.from(bytes))
          return Promise.resolve()
        },
      })
      expect(await result).toEqual({ reusedBytes: 0, copiedBytes: 6 * MB, receivedBytes: 0 })
      expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
      expect(Buffer.concat(read).equals(file.bytes)).toBe(true)
      expect(progress.at(-1)).toEqual({
        doneBytes: 6 * MB,
        reusedBytes: 0,
        copiedBytes: 6 * MB,
        source: null,
      })
    },
  )

  it('gives only what is missing', async () => {
    const file = await loopback.file(6 * MB)
    const partPath = await spoilt(file, [1])
    const { result } = await fetchFrom(await receiver(), file, [], {
      localPath: file.path,
      partPath,
    })
    const missing = file.list.pieces[1]?.sizeBytes ?? 0
    expect(await result).toMatchObject({ reusedBytes: 6 * MB - missing, copiedBytes: missing })
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it('is left at the first piece that is not right; the sources send the rest', async () => {
    const file = await loopback.file(12 * MB)
    const from = await source(file)
    const { result, partPath } = await fetchFrom(await receiver(from), file, [from], {
      localPath: await spoilt(file, [1]),
    })
    const first = file.list.pieces[0]?.sizeBytes ?? 0
    expect(await result).toEqual({
      reusedBytes: 0,
      copiedBytes: first,
      receivedBytes: 12 * MB - first,
    })
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it.each<[string, (file: Offered) => Promise<string>]>([
    ['is not there', async () => join(await loopback.dir(), 'none')],
    ['is a directory', () => loopback.dir()],
    ['is a device', async () => Promise.resolve('/dev/zero')],
    [
      'is a pipe that nobody writes to',
      async () => {
        const path = join(await loopback.dir(), 'pipe')
        execFileSync('mkfifo', [path])
        return path
      },
    ],
    [
      'is a link to it',
      async (file) => {
        const path = join(await loopback.dir(), 'link')
        await symlink(file.path, path)
        return path
      },
    ],
    [
      'has another size',
      async (file) => {
        const path = join(await loopback.dir(), 'longer')
        await writeFile(path, Buffer.concat([file.bytes, Buffer.of(0)]))
        return path
      },
    ],
  ])('that %s is not read', async (_, make) => {
    const file = await loopback.file(2 * MB)
    const from = await source(file)
    const localPath = await make(file)
    const { result, partPath } = await fetchFrom(await receiver(from), file, [from], { localPath })
    expect(await result).toMatchObject({ copiedBytes: 0, receivedBytes: 2 * MB })
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
    expect(await isOpen(localPath)).toBe(false)
  })

  it('is not read, and let go of, when the system says nothing of it', async () => {
    const file = await loopback.file(2 * MB)
    const from = await source(file)
    const localPath = await spoilt(file, [])
    const probe = await open(localPath)
    const asked = vi.spyOn(Object.getPrototypeOf(probe) as FileHandle, 'stat')
    asked.mockImplementation(async function (this: FileHandle) {
      if ((await readlink(`/proc/self/fd/${String(this.fd)}`)) === localPath)
        throw Object.assign(new Error('ESTALE'), { code: 'ESTALE' })
      return fstatSync(this.fd)
    })
    onTestFinished(() => {
      asked.mockRestore()
    })
    await probe.close()
    const { result } = await fetchFrom(await receiver(from), file, [from], { localPath })
    expect(await result).toMatchObject({ copiedBytes: 0, receivedBytes: 2 * MB })
    expect(await isOpen(localPath)).toBe(false)
  })

  it('is not given away byte by byte to whoever guesses', async () => {
    const [secret, sent] = [Buffer.from('hunter22'), randomBytes(MB / 2)]
    const localPath = join(await loopback.dir(), 'secret')
    const piecesOf = (bytes: Buffer): Piece[] =>
      [...bytes].map((byte) => ({
        sizeBytes: 1,
        digest: createHash('sha256').update(Buffer.of(byte)).digest(),
      }))
    const known = { sizeBytes: sent.length, digest: createHash('sha256').update(sent).digest() }
    for (const [before, pieces] of [
      [Buffer.alloc(0), piecesOf(secret)],
      // What comes before is known, or the node has it from whoever guesses.
      [sent, [known, ...piecesOf(secret)]],
    ] as const) {
      const bytes = Buffer.concat([before, secret])
      await writeFile(localPath, bytes)
      const list = { digest: pieceListDigest(pieces), sizeBytes: bytes.length, pieces }
      const partPath = join(await loopback.dir(), 'part')
      await writeFile(partPath, before)
      const guess = { bytes, list, path: localPath }
      const { result, progress } = await fetchFrom(await receiver(), guess, [], {
        localPath,
        partPath,
      })
      await expect(result).rejects.toMatchObject({ code: 'TRANSFER_SOURCE' })
      expect(progress.at(-1)).toMatchObject({ copiedBytes: 0 })
    }
  })

  it('does not hide that the disk is full', async () => {
    const file = await loopback.file(MB)
    const { result } = await fetchFrom(await receiver(), file, [], {
      localPath: file.path,
      partPath: '/dev/full',
    })
    await expect(result).rejects.toMatchObject({ code: 'TRANSFER_DISK' })
  })

  it('is left when the transfer is given up, and what was copied is kept', async () => {
    const file = await loopback.file(8 * MB)
    const stop = new AbortController()
    const { result, partPath } = await fetchFrom(await receiver(), file, [], {
      localPath: file.path,
      signal: stop.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 2 * MB) stop.abort(new Error('given up'))
      },
    })
    await expect(result).rejects.toThrow('given up')
    const again = await fetchFrom(await receiver(), file, [], { localPath: file.path, partPath })
    const { reusedBytes, copiedBytes } = await again.result
    expect(reusedBytes).toBeGreaterThan(2 * MB)
    expect(reusedBytes + copiedBytes).toBe(8 * MB)
  })
})
