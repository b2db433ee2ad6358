import { readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { PlaygroundError } from '@p2p-playground/core'
import { node } from '@p2p-playground/proto'
import { FakeClock, waitFor } from '@p2p-playground/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { callerOf } from '../calls/caller.js'
import type { Host } from '../host.js'
import { addressOf, newIdentity } from '../testing/loopback.js'
import { MB, fetchFrom, loopback, psk, receiver, source, spoilt } from './transfer.test.support.js'
import type { Offered } from './transfer.test.support.js'

const forever = new AbortController().signal
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

describe('a source', () => {
  it('that sends a bad piece is left out; the others complete the file', async () => {
    const file = await loopback.file(30 * MB)
    const bad = await source(file, await spoilt(file, [...file.list.pieces.keys()]))
    const good = await source(file)
    const { result, progress, partPath } = await fetchFrom(await receiver(bad, good), file, [
      bad,
      good,
    ])
    await result
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
    expect(new Set(progress.map((one) => one.source))).toEqual(new Set([null, good.peerId]))
  })

  it('that is not checked at once is found bad when the transfer is repeated with checks', async () => {
    const file = await loopback.file(8 * MB)
    const bad = await source(file, await spoilt(file, [1]))
    const { result, partPath } = await fetchFrom(await receiver(bad), file, [bad], {
      unchecked: true,
    })
    expect((await result).receivedBytes).toBe(8 * MB)
    const again = await fetchFrom(await receiver(bad), file, [bad], { partPath })
    await expect(again.result).rejects.toMatchObject({ code: 'TRANSFER_PIECE' })
    const good = await source(file)
    const last = await fetchFrom(await receiver(good), file, [good], { partPath })
    expect((await last.result).receivedBytes).toBe(file.list.pieces[1]?.sizeBytes)
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it('is asked over the connection that is named, where two programs have one PeerID', async () => {
    const file = await loopback.file(MB)
    const identity = await newIdentity()
    const [idle, offering] = [await loopback.host({ identity }), await loopback.host({ identity })]
    offering.serve.offer(file.list, file.path)
    const taker = await loopback.host()
    const connectionIds: string[] = []
    taker.handleCalls((router) => {
      router.service(node.NodeService, {
        listApps: (_request, context) => {
          connectionIds.push(callerOf(context).connectionId)
          return {}
        },
      })
    })
    for (const host of [idle, offering]) {
      await host.dial(taker.addresses()[0] ?? '', forever)
      await createClient(node.NodeService, host.transport(taker.peerId)).listApps({})
    }
    const [, connectionId = ''] = connectionIds
    const result = await taker.fetchPieces({
      list: file.list,
      sources: [identity.peerId],
      connections: new Map([[identity.peerId, connectionId]]),
      partPath: join(await loopback.dir(), 'part'),
      onProgress: () => undefined,
      signal: forever,
    })
    expect(result.receivedBytes).toBe(file.bytes.length)
  })

  it('that is the only one and bad ends the transfer with TRANSFER_PIECE', async () => {
    const file = await loopback.file(8 * MB)
    const last = file.list.pieces.length - 1
    const bad = await source(file, await spoilt(file, [last]))
    const { result } = await fetchFrom(await receiver(bad), file, [bad])
    await expect(result).rejects.toMatchObject({
      code: 'TRANSFER_PIECE',
      message: expect.stringMatching(
        `^\\d pieces are missing and no source is left: piece ${String(last)} from ${bad.peerId} is not what the offer says$`,
      ) as string,
    })
  })

  it('that dies is replaced by another, and nothing of a batch is forgotten', async () => {
    const file = await loopback.file(60 * MB)
    const dying = await source(file)
    const other = await source(file)
    let stopped: Promise<void> | undefined
    const { result, partPath } = await fetchFrom(
      await receiver(dying, other),
      file,
      [dying, other],
      {
        onProgress: ({ doneBytes }) => {
          if (doneBytes > 10 * MB) stopped ??= dying.stop()
        },
      },
    )
    await result
    await stopped
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it('that dies as the last one ends the transfer with TRANSFER_SOURCE; the next goes on', async () => {
    const file = await loopback.file(60 * MB)
    const dying = await source(file)
    const to = await receiver(dying)
    let stopped: Promise<void> | undefined
    const { result, partPath } = await fetchFrom(to, file, [dying], {
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 10 * MB) stopped ??= dying.stop()
      },
    })
    await expect(result).rejects.toMatchObject({ code: 'TRANSFER_SOURCE' })
    await stopped
    const next = await source(file)
    to.addAddress({ peerId: next.peerId, addresses: [addressOf(next)], source: 'static' })
    const again = await fetchFrom(to, file, [next], { partPath })
    expect((await again.result).reusedBytes).toBeGreaterThan(5 * MB)
    expect((await readFile(partPath)).equals(file.bytes)).toBe(true)
  })

  it('that sends nothing is left out after 30 s', async () => {
    const file = await loopback.file(2 * MB)
    const clock = new FakeClock()
    const mute = await loopback.host({ psk: [psk] })
    const { promise, resolve } = Promise.withResolvers<undefined>()
    mute.serve.serve = async () => {
      await promise
    }
    const to = await loopback.host({ psk: [psk], clock })
    await to.dial(addressOf(mute), AbortSignal.timeout(5000))
    const { result } = await fetchFrom(to, file, [mute])
    const failed = expect(result).rejects.toMatchObject({
      code: 'TRANSFER_SOURCE',
      message: expect.stringContaining(`${mute.peerId} sent nothing for 30s`) as string,
    })
    await waitFor('the transfer to wait', () => clock.sleeping > 0)
    await clock.advance(61_000)
    await failed
    resolve(undefined)
  })

  it.each<[string, (from: Host, file: Offered) => void | Promise<void>, string]>([
    ['does not know the list', () => undefined, 'does not offer that package'],
    [
      'offers it no more',
      (from, file) => {
        from.serve.offer(file.list, file.path)()
      },
      'does not offer that package',
    ],
    ['is gone', (from) => from.stop(), 'cannot reach'],
  ])('that %s is TRANSFER_SOURCE', async (_, prepare, message) => {
    const file = await loopback.file(MB)
    const from = await loopback.host({ psk: [psk] })
    const to = await receiver(from)
    await prepare(from, file)
    const { result } = await fetchFrom(to, file, [from])
    await expect(result).rejects.toMatchObject({
      code: expect.stringMatching(/TRANSFER_SOURCE/) as string,
      message: expect.stringContaining(message) as string,
    })
  })

  it('that was never named is TRANSFER_SOURCE', async () => {
    const file = await loopback.file(MB)
    const { result } = await fetchFrom(await receiver(), file, [])
    await expect(result).rejects.toMatchObject({ code: 'TRANSFER_SOURCE' })
  })

  it('serves as long as one of its offers stands', async () => {
    const file = await loopback.file(MB)
    const from = await source(file)
    from.serve.offer(file.list, file.path)()
    const { result } = await fetchFrom(await receiver(from), file, [from])
    expect((await result).receivedBytes).toBe(MB)
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
