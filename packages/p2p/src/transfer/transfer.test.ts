import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import { buildPieceList } from '@p2p-playground/core/bundle'
import type { PieceList } from '@p2p-playground/core/bundle'
import { RecordingLogger } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost } from '../host.js'
import type { Host } from '../host.js'
import { loadIdentity } from '../identity.js'
import type { FetchProgress, FetchResult } from './fetch-pieces.js'

const SIZE = 8_000_000
const psk = [randomBytes(32)]

let dir: string
let hosts: Host[]
let file: string
let list: PieceList

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-transfer-'))
  hosts = []
  file = join(dir, 'file')
  writeFileSync(file, randomBytes(SIZE))
  list = await buildPieceList(file)
})

afterEach(async () => {
  for (const host of hosts) await host.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function hostNamed(name: string): Promise<Host> {
  const host = await createHost({
    identity: await loadIdentity(join(dir, name)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    psk,
    agent: 'test',
    discoveries: new Map(),
    mdns: false,
    staticPeers: [],
    bootstrapPeers: [],
    trustedKeys: [],
    logger: new RecordingLogger(),
    clock: systemClock,
  })
  await host.start()
  hosts.push(host)
  return host
}

async function fetchFrom(
  receiver: Host,
  sources: readonly Host[],
  progress: FetchProgress[] = [],
): Promise<FetchResult> {
  for (const source of sources) {
    await receiver.dial(source.addresses()[0] ?? '', AbortSignal.timeout(5000))
  }
  return receiver.fetchPieces({
    list,
    sources: sources.map((source) => source.peerId),
    partPath: join(dir, 'part'),
    onProgress: (one) => progress.push(one),
    signal: AbortSignal.timeout(20_000),
  })
}

const arrived = (): boolean => readFileSync(join(dir, 'part')).equals(readFileSync(file))

describe('a transfer by pieces', () => {
  it('brings the file whole, and tells how far it is', async () => {
    const [source, receiver] = [await hostNamed('a'), await hostNamed('b')]
    source.serve.offer(list, file)
    const progress: FetchProgress[] = []
    expect(await fetchFrom(receiver, [source], progress)).toEqual({
      reusedBytes: 0,
      receivedBytes: SIZE,
    })
    expect(arrived()).toBe(true)
    expect(progress.at(0)).toMatchObject({ doneBytes: 0, source: null })
    expect(progress.at(-1)).toMatchObject({ doneBytes: SIZE, source: source.peerId })
  })

  it('asks only for what is missing', async () => {
    const [source, receiver] = [await hostNamed('a'), await hostNamed('b')]
    source.serve.offer(list, file)
    const first = list.pieces[0]?.sizeBytes ?? 0
    writeFileSync(join(dir, 'part'), readFileSync(file).subarray(0, first + 1000))
    expect(await fetchFrom(receiver, [source])).toEqual({
      reusedBytes: first,
      receivedBytes: SIZE - first,
    })
    expect(arrived()).toBe(true)
  })

  it('does not believe what is on its own disk', async () => {
    const [source, receiver] = [await hostNamed('a'), await hostNamed('b')]
    source.serve.offer(list, file)
    writeFileSync(join(dir, 'part'), Buffer.alloc(SIZE + 10))
    expect(await fetchFrom(receiver, [source])).toMatchObject({ reusedBytes: 0 })
    expect(arrived()).toBe(true)
  })

  it('leaves a source out that sends a bad piece', async () => {
    const [good, bad, receiver] = [await hostNamed('a'), await hostNamed('b'), await hostNamed('c')]
    const corrupt = join(dir, 'corrupt')
    writeFileSync(corrupt, Buffer.alloc(SIZE, 7))
    good.serve.offer(list, file)
    bad.serve.offer(list, corrupt)
    await fetchFrom(receiver, [bad, good])
    expect(arrived()).toBe(true)
  })

  it('says TRANSFER_PIECE when all that it gets is bad', async () => {
    const [bad, receiver] = [await hostNamed('a'), await hostNamed('b')]
    const corrupt = join(dir, 'corrupt')
    writeFileSync(corrupt, Buffer.alloc(SIZE, 7))
    bad.serve.offer(list, corrupt)
    await expect(fetchFrom(receiver, [bad])).rejects.toMatchObject({ code: 'TRANSFER_PIECE' })
  })

  it.each([
    ['does not offer it', (): void => undefined],
    [
      'has stopped to offer it',
      (source: Host): void => {
        source.serve.offer(list, file)()
      },
    ],
    [
      'has lost the file',
      (source: Host): void => {
        source.serve.offer(list, join(dir, 'gone'))
      },
    ],
  ])('says TRANSFER_SOURCE when the source %s', async (_name, prepare) => {
    const [source, receiver] = [await hostNamed('a'), await hostNamed('b')]
    prepare(source)
    await expect(fetchFrom(receiver, [source])).rejects.toMatchObject({ code: 'TRANSFER_SOURCE' })
  })
})
