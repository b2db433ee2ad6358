import type { Clock, Followed } from '@p2p-playground/core'

/** What a node tells, with its time. */
export interface NodeItem {
  readonly timeMs: number
  readonly node: string
}

interface Held<Item> {
  readonly item: Item
  /** Never goes back within a node, also where its clock was set back: its order stays. */
  readonly keyMs: number
}

/**
 * Holds items for up to `windowMs` after the first, so that those of several nodes come out in order of time; those of one node
 * keep the order in which they came. Failures and the like pass at once.
 */
export async function* reorder<Item extends NodeItem>(
  source: AsyncIterable<Followed<readonly Item[]>>,
  options: { readonly windowMs: number; readonly clock: Clock },
): AsyncGenerator<Followed<Item>> {
  const iterator = source[Symbol.asyncIterator]()
  const newest = new Map<string, number>()
  const hold = (item: Item): Held<Item> => {
    const keyMs = Math.max(item.timeMs, newest.get(item.node) ?? -Infinity)
    newest.set(item.node, keyMs)
    return { item, keyMs }
  }
  let next = iterator.next()
  let held: Held<Item>[] = []
  let due: Promise<undefined> | undefined
  try {
    for (;;) {
      const result = await (due === undefined ? next : Promise.race([next, due]))
      if (result === undefined || result.done === true) {
        for (const { item } of held.sort(inOrder)) yield { kind: 'item', item }
        if (result !== undefined) return
        held = []
        due = undefined
        // A clock that was far ahead for a while is no reason to hold its node behind the others from then on.
        newest.clear()
        continue
      }
      next = iterator.next()
      if (result.value.kind !== 'item') {
        yield result.value
        continue
      }
      held.push(...result.value.item.map(hold))
      due ??= options.clock.sleep(options.windowMs).then(() => undefined)
    }
  } finally {
    // Both end when the source is aborted; nobody is left to be told how.
    next.catch(() => undefined)
    iterator.return?.().catch(() => undefined)
  }
}

/** By time, then node; what is equal keeps its place. */
function inOrder(a: Held<NodeItem>, b: Held<NodeItem>): number {
  return a.keyMs - b.keyMs || (a.item.node < b.item.node ? -1 : a.item.node > b.item.node ? 1 : 0)
}
