import { asPlaygroundError } from '@p2p-playground/core'
import type { Clock, DroppedLines, Followed } from '@p2p-playground/core'
import { appFailures } from './app-hint.js'
import { followNode, isPassing, whileAlive } from './followed.js'
import type { OpenStream, StreamContext } from './followed.js'
import { requireInfo } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { mergeLive } from './merge.js'
import { mergeSorted } from './merge-sorted.js'
import { reorder } from './reorder.js'
import type { NodeItem } from './reorder.js'
import type { NodeClient } from './survey.js'

/** Live items of several nodes wait for so long to be put in order. */
const WINDOW_MS = 5

/** Remembers what was read of one node. */
export interface Cursor<Item> {
  /** What the node has stored; ends. */
  stored(client: NodeClient, signal: AbortSignal): AsyncIterable<readonly Item[]>
  /** What comes behind that; ends only when it is cut. */
  live(client: NodeClient, signal: AbortSignal): AsyncIterable<readonly Item[]>
  /** What turned out, since the last call, to be gone. */
  takeDropped(): readonly DroppedLines[]
}

/** One node's share of a fleet's stream. */
interface Share<Item> {
  readonly one: KnownNode
  readonly cursor: Cursor<Item>
  readonly context: StreamContext
  failure: { readonly error: unknown } | undefined
}

export interface FleetStream<Item> {
  readonly nodes: readonly KnownNode[]
  readonly clientOf: (peerId: string) => NodeClient
  readonly cursor: (one: KnownNode) => Cursor<Item>
  readonly compare: (a: Item, b: Item) => number
  readonly follow: boolean
  /** Some nodes may not have the app: they are left out when others have it. */
  readonly isSparse: boolean
  /** Missing: it is about no app, or about all. */
  readonly app?: string | undefined
  readonly clock: Clock
}

/**
 * What all nodes have stored, strictly in order, then, when following, what is new as it comes. How nodes fail is
 * given out among it. Ends when nothing more can come, or when `signal` aborts while following.
 * @throws CANCELED when aborted before that
 */
export async function* streamFleet<Item extends NodeItem>(
  stream: FleetStream<Item>,
  signal: AbortSignal,
): AsyncGenerator<Followed<Item>> {
  const left = new AbortController()
  const ends = AbortSignal.any([signal, left.signal])
  const shares = stream.nodes.map((one): Share<Item> => {
    const context = { client: stream.clientOf(one.peerId), clock: stream.clock, signal: ends }
    return { one, cursor: stream.cursor(one), context, failure: undefined }
  })
  try {
    for await (const item of mergeSorted(shares.map(storedOf), stream.compare))
      yield { kind: 'item', item }
    for (const { cursor } of shares) yield* droppedOf(cursor)
    if (!signal.aborted) yield* outcomeOf(shares, stream, signal)
    if (stream.follow) yield* liveOf(shares, stream)
    else if (signal.aborted) throw asPlaygroundError(signal.reason, 'CANCELED')
  } finally {
    left.abort()
  }
}

async function* storedOf<Item>(share: Share<Item>): AsyncGenerator<readonly Item[]> {
  const { one, cursor, context } = share
  const open: OpenStream<Item> = (client, signal) => cursor.stored(client, signal)
  try {
    requireInfo(one)
    yield* whileAlive(open, context)
  } catch (error) {
    share.failure = { error }
  }
}

function* droppedOf<Item>(cursor: Cursor<Item>): Generator<Followed<never>> {
  for (const dropped of cursor.takeDropped()) yield { kind: 'dropped', dropped }
}

async function* outcomeOf<Item>(
  shares: readonly Share<Item>[],
  { app, clientOf, isSparse }: FleetStream<Item>,
  signal: AbortSignal,
): AsyncGenerator<Followed<never>> {
  const misses = shares.flatMap(({ one, failure }) =>
    failure === undefined ? [] : [{ one, error: failure.error }],
  )
  const answered = shares.length - misses.length
  const outcome = { misses, answered, isSparse, app }
  for (const failure of await appFailures(outcome, clientOf, signal))
    yield { kind: 'failure', failure }
  yield { kind: 'stored', answered }
}

async function* liveOf<Item extends NodeItem>(
  shares: readonly Share<Item>[],
  stream: FleetStream<Item>,
): AsyncGenerator<Followed<Item>> {
  const lasting = shares.filter(
    ({ one, failure }) =>
      one.isDoubtful !== true && (failure === undefined || isPassing(failure.error)),
  )
  const sources = lasting.map(({ one, cursor, context, failure }) => {
    const open: OpenStream<Item> = (client, signal) => cursor.live(client, signal)
    const notices = (): Iterable<Followed<never>> => droppedOf(cursor)
    return followNode(one, open, { ...context, isDown: failure !== undefined, notices })
  })
  const merged = mergeLive(sources)
  if (sources.length > 1) {
    yield* reorder(merged, { windowMs: WINDOW_MS, clock: stream.clock })
    return
  }
  for await (const followed of merged) {
    if (followed.kind !== 'item') yield followed
    else for (const item of followed.item) yield { kind: 'item', item }
  }
}
