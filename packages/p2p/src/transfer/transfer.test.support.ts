import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '../host.js'
import { Loopback, addressOf } from '../testing/loopback.js'
import type { FetchProgress, FetchRequest, FetchResult } from './fetch-pieces.js'

/** Of the test file that imports this. */
export const loopback = new Loopback()

export const MB = 1024 * 1024
export const psk = randomBytes(32)
export type Offered = Awaited<ReturnType<Loopback['file']>>

export async function source(file: Offered, path = file.path): Promise<Host> {
  const host = await loopback.host({ psk: [psk] })
  host.serve.offer(file.list, path)
  return host
}

export async function receiver(...sources: readonly Host[]): Promise<Host> {
  const host = await loopback.host({ psk: [psk], listen: [] })
  for (const one of sources) {
    host.addAddress({ peerId: one.peerId, addresses: [addressOf(one)], source: 'static' })
  }
  return host
}

export interface Fetching {
  readonly result: Promise<FetchResult>
  readonly progress: readonly FetchProgress[]
  readonly partPath: string
}

export async function fetchFrom(
  host: Host,
  file: Offered,
  sources: readonly Host[],
  options: Partial<FetchRequest> = {},
): Promise<Fetching> {
  const progress: FetchProgress[] = []
  const partPath = options.partPath ?? join(await loopback.dir(), 'part')
  const result = host.fetchPieces({
    list: file.list,
    sources: sources.map((one) => one.peerId),
    onProgress: (one) => progress.push(one),
    signal: AbortSignal.timeout(30_000),
    ...options,
    partPath,
  })
  result.catch(() => undefined)
  return { result, progress, partPath }
}

/** A copy of the file in which the given pieces are spoilt. */
export async function spoilt(file: Offered, pieces: readonly number[]): Promise<string> {
  const path = join(await loopback.dir(), 'spoilt')
  const bytes = Buffer.from(file.bytes)
  for (const index of pieces) {
    const offset = offsetOf(file, index)
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset)
  }
  await writeFile(path, bytes)
  return path
}

function offsetOf(file: Offered, index: number): number {
  return file.list.pieces.slice(0, index).reduce((sum, piece) => sum + piece.sizeBytes, 0)
}
