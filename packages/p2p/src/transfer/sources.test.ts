import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
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
