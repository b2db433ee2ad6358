import { readFile, stat, truncate } from 'node:fs/promises'
import { PlaygroundError } from '@p2p-playground/core'
import { afterEach, describe, expect, it } from 'vitest'
import { MB, fetchFrom, loopback, receiver, source, spoilt } from './transfer.test.support.js'

afterEach(() => loopback.close())

describe('a transfer', () => {
  it('brings the file, and tells how far it is', async () => {
    const file = await loopback.file(10 * MB)
    const from = await source(file)
    const { result, progress, partPath } = await fetchFrom(await receiver(from), file, [from])
    expect(await result).toEqual({ reusedBytes: 0, copiedBytes: 0, receivedBytes: 10 * MB })
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
    expect(progress[0]).toEqual({ doneBytes: 0, reusedBytes: 0, copiedBytes: 0, source: null })
    expect(progress.at(-1)).toEqual({
      doneBytes: 10 * MB,
      reusedBytes: 0,
      copiedBytes: 0,
      source: from.peerId,
    })
  })

  it('goes to ten receivers at once', async () => {
    const file = await loopback.file(10 * MB)
    const from = await source(file)
    const all = await Promise.all(
      Array.from({ length: 10 }, async () => fetchFrom(await receiver(from), file, [from])),
    )
    for (const { result, partPath } of all) {
      expect(await result).toEqual({ reusedBytes: 0, copiedBytes: 0, receivedBytes: 10 * MB })
      expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
    }
  })

  it('goes on where it was cut, and sends nothing twice', async () => {
    const file = await loopback.file(20 * MB)
    const from = await source(file)
    const to = await receiver(from)
    const stop = new AbortController()
    const cut = await fetchFrom(to, file, [from], {
      signal: stop.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 5 * MB) stop.abort(new Error('cut'))
      },
    })
    await expect(cut.result).rejects.toThrow('cut')
    const again = await fetchFrom(to, file, [from], { partPath: cut.partPath })
    const { reusedBytes, receivedBytes } = await again.result
    expect(reusedBytes).toBeGreaterThan(5 * MB)
    expect(reusedBytes + receivedBytes).toBe(20 * MB)
    expect((await readFile(cut.partPath)).equals(file.bytes)).toBe(true)
  })

  it('replaces what is spoilt in a part file, and cuts what is behind its end', async () => {
    const file = await loopback.file(6 * MB)
    const from = await source(file)
    // Where random bytes are cut differs: two pieces there always are.
    const partPath = await spoilt(file, [1])
    await truncate(partPath, 7 * MB)
    const { result } = await fetchFrom(await receiver(from), file, [from], { partPath })
    expect(await result).toEqual({
      reusedBytes: 6 * MB - (file.list.pieces[1]?.sizeBytes ?? 0),
      copiedBytes: 0,
      receivedBytes: file.list.pieces[1]?.sizeBytes,
    })
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it('of a file that is here already asks nobody', async () => {
    const file = await loopback.file(2 * MB)
    const { result } = await fetchFrom(await receiver(), file, [], { partPath: file.path })
    expect(await result).toEqual({ reusedBytes: 2 * MB, copiedBytes: 0, receivedBytes: 0 })
  })

  it('that is followed tells the whole file in order, whatever is here already and who sends the rest', async () => {
    const file = await loopback.file(40 * MB)
    const sources = [await source(file), await source(file)]
    const partPath = await spoilt(file, [1, 5, file.list.pieces.length - 1])
    await truncate(partPath, 20 * MB)
    for (const options of [{}, { partPath }]) {
      const read: Buffer[] = []
      const { result } = await fetchFrom(await receiver(...sources), file, sources, {
        ...options,
        reader: async (bytes) => {
          read.push(Buffer.from(bytes))
          return Promise.resolve()
        },
      })
      await result
      expect(Buffer.concat(read).equals(file.bytes)).toBe(true)
    }
  })

  it('takes from several sources', async () => {
    const file = await loopback.file(40 * MB)
    const sources = [await source(file), await source(file)]
    const { result, progress } = await fetchFrom(await receiver(...sources), file, sources)
    await result
    const used = new Set(progress.map((one) => one.source))
    expect(used).toEqual(new Set([null, ...sources.map((one) => one.peerId)]))
  })
})

describe('the disk', () => {
  it('that cannot be written is TRANSFER_DISK with the path', async () => {
    const file = await loopback.file(MB)
    const { result } = await fetchFrom(await receiver(), file, [], {
      partPath: '/proc/no-such-file',
    })
    const error: unknown = await result.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PlaygroundError)
    expect(error).toMatchObject({
      code: 'TRANSFER_DISK',
      message: expect.stringContaining('/proc/no-such-file') as string,
    })
  })

  it('that is full is TRANSFER_DISK, and what was written before stays sound', async () => {
    const file = await loopback.file(MB)
    const from = await source(file)
    // Linux’s own full disk.
    const { result } = await fetchFrom(await receiver(from), file, [from], {
      partPath: '/dev/full',
    })
    await expect(result).rejects.toMatchObject({
      code: 'TRANSFER_DISK',
      message: 'cannot write /dev/full: no space left',
    })
    expect((await stat(file.path)).size).toBe(MB)
  })
})
