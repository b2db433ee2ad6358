import type { Stream } from '@libp2p/interface'
import {
  PlaygroundError,
  errorMessage,
  formatDuration,
  isPlaygroundError,
} from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import type { PieceList } from '@p2p-playground/core/bundle'
import { wire } from '@p2p-playground/proto'
import { ByteStream } from '../byte-stream.js'
import { copyPieces } from './copy-pieces.js'
import type { PartContext } from './copy-pieces.js'
import { PartFile } from './part-file.js'
import type { Reader } from './part-file.js'
import { PieceWork, largestPiece } from './piece-work.js'

export interface FetchProgress {
  readonly doneBytes: number
  /** Of those, bytes that were here before. */
  readonly reusedBytes: number
  /** Of those, bytes from `localPath`. */
  readonly copiedBytes: number
  /** PeerID that the last piece came from; null at the beginning. */
  readonly source: string | null
}

export interface FetchRequest {
  readonly list: PieceList
  /** PeerIDs that hold the pieces. */
  readonly sources: readonly string[]
  /** Ids of the connections to ask them over, where it matters; another one when it is gone. */
  readonly connections?: ReadonlyMap<string, string> | undefined
  readonly partPath: string
  /** A file on this machine that may be the same: what is right of it is taken before a source is asked. */
  readonly localPath?: string | undefined
  /** Gets the whole file in order, while it comes. */
  readonly reader?: Reader | undefined
  /** Pieces are not checked one by one: the caller checks the whole, and asks again without this when it is bad. */
  readonly unchecked?: boolean | undefined
  readonly onProgress: (progress: FetchProgress) => void
  readonly signal: AbortSignal
}

export interface FetchResult {
  readonly reusedBytes: number
  readonly copiedBytes: number
  readonly receivedBytes: number
}

/** Requests under way per source, where there are several: one is answered while the next is on its way. */
const STREAMS_PER_SOURCE = 2
/** A source that sends nothing for so long is left out. */
const STALL_MS = 30_000
/** About how much one request asks for, where another source may be faster. A single source is asked for all, in order. */
const BATCH_BYTES = 16 * 1024 * 1024

/** What a transfer needs of the host. */
export interface FetchMeans {
  openStream(peerId: string, signal: AbortSignal): Promise<Stream>
  readonly clock: Clock
}

/**
 * Gets the pieces that `partPath` lacks, each checked before it is written unless `unchecked`. A source that sends a bad piece or fails is
 * left out from then on; what it owed is asked of the others.
 * @throws TRANSFER_PIECE, TRANSFER_SOURCE when no source is left; TRANSFER_DISK
 */
export async function fetchPieces(request: FetchRequest, means: FetchMeans): Promise<FetchResult> {
  const part = await PartFile.open(request.list, request.partPath, request.reader)
  try {
    request.signal.throwIfAborted()
    const work = new PieceWork(request, await part.missing())
    work.report(null)
    if (request.localPath !== undefined)
      await copyPieces(request.localPath, { work, part, request })
    const failures: PlaygroundError[] = []
    // Again as long as a source is sound: it may take over what another one owed.
    for (let sources = [...new Set(request.sources)]; work.left > 0;) {
      const isOnly = sources.length === 1
      const outcomes = await Promise.all(
        sources.map((source) => drainSource(source, { work, part, request, means, isOnly })),
      )
      request.signal.throwIfAborted()
      failures.push(...outcomes.filter((outcome) => outcome !== undefined))
      sources = sources.filter((_, index) => outcomes[index] === undefined)
      if (work.left > 0 && sources.length === 0) throw noSource(failures, work.left)
    }
    await part.finish()
    return {
      reusedBytes: work.reusedBytes,
      copiedBytes: work.copiedBytes,
      receivedBytes: request.list.sizeBytes - work.reusedBytes - work.copiedBytes,
    }
  } finally {
    await part.close()
  }
}

interface SourceContext extends PartContext {
  readonly means: FetchMeans
  /** No other source is left. */
  readonly isOnly: boolean
}

/** Fetches from one source until nothing is left or it fails; gives why it failed. @throws TRANSFER_DISK */
async function drainSource(
  source: string,
  context: SourceContext,
): Promise<PlaygroundError | undefined> {
  const stop = new AbortController()
  const signal = AbortSignal.any([context.request.signal, stop.signal])
  const flow = { bytes: 0 }
  const watched = watchForStall(source, flow, { clock: context.means.clock, stop })
  const largest = largestPiece(context.request.list)
  const { isOnly } = context
  const lanes = Array.from({ length: isOnly ? 1 : STREAMS_PER_SOURCE }, async () => {
    const buffer = Buffer.allocUnsafeSlow(largest)
    try {
      while (!signal.aborted) {
        const batch = context.work.take(isOnly ? Infinity : BATCH_BYTES)
        if (batch.length === 0) return
        await fetchBatch(source, { batch, flow, buffer }, context, signal)
      }
    } catch (error) {
      stop.abort(error)
      throw error
    }
  })
  const outcomes = await Promise.allSettled(lanes)
  // The first failure is the one that stopped the other lane.
  const failure: unknown = stop.signal.aborted ? stop.signal.reason : undefined
  stop.abort()
  await watched
  if (outcomes.every((outcome) => outcome.status === 'fulfilled')) return undefined
  if (isPlaygroundError(failure) && failure.code === 'TRANSFER_DISK') throw failure
  if (isPlaygroundError(failure)) return failure
  return new PlaygroundError('TRANSFER_SOURCE', `${source}: ${errorMessage(failure)}`, {
    cause: failure,
  })
}

/** Bytes that came from one source, over all its streams. */
interface Flow {
  bytes: number
}

/** Stops the source when nothing came from it for `STALL_MS`; ends when `stop` aborts. */
async function watchForStall(
  source: string,
  flow: Flow,
  { clock, stop }: { readonly clock: Clock; readonly stop: AbortController },
): Promise<void> {
  for (let seen = -1; seen !== flow.bytes;) {
    seen = flow.bytes
    try {
      await clock.sleep(STALL_MS, stop.signal)
    } catch {
      // The source is done with, well or not.
      return
    }
  }
  const text = `${source} sent nothing for ${formatDuration(STALL_MS)}`
  stop.abort(new PlaygroundError('TRANSFER_SOURCE', text))
}

async function fetchBatch(
  source: string,
  {
    batch,
    flow,
    buffer,
  }: {
    readonly batch: readonly number[]
    readonly flow: Flow
    /** Holds any one piece. */
    readonly buffer: Buffer
  },
  { request, work, part, means }: SourceContext,
  signal: AbortSignal,
): Promise<void> {
  let next = 0
  let bytes: ByteStream | undefined
  const onAbort = (): void => {
    bytes?.abort(new Error('the transfer was given up'))
  }
  try {
    bytes = new ByteStream(await means.openStream(source, signal))
    signal.addEventListener('abort', onAbort, { once: true })
    signal.throwIfAborted()
    bytes.onBytes = (count) => {
      flow.bytes += count
    }
    await bytes.writeMessage(wire.PieceRequestSchema, {
      listDigest: request.list.digest,
      pieces: [...batch],
    })
    await bytes.end()
    const response = await bytes.readMessage(wire.PieceResponseSchema)
    if (!response.ok) throw new PlaygroundError('TRANSFER_SOURCE', `${source}: ${response.message}`)
    for (const index of batch) {
      const piece = buffer.subarray(0, request.list.pieces[index]?.sizeBytes ?? 0)
      await bytes.fill(piece)
      await part.write(index, piece, { source, unchecked: request.unchecked === true })
      next += 1
      work.done(index, source)
    }
  } catch (error) {
    bytes?.abort(error instanceof Error ? error : new Error(String(error)))
    work.giveBack(batch.slice(next))
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function noSource(known: readonly PlaygroundError[], left: number): PlaygroundError {
  const first = known[0]
  const code =
    known.length > 0 && known.every((failure) => failure.code === 'TRANSFER_PIECE')
      ? 'TRANSFER_PIECE'
      : 'TRANSFER_SOURCE'
  return new PlaygroundError(
    code,
    `${String(left)} pieces are missing and no source is left: ${first?.message ?? 'none was named'}`,
    {
      hint: 'Deploy again: what arrived is kept and not sent twice.',
      cause: first,
    },
  )
}
