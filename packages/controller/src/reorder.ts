import type { Clock, Followed } from '@p2p-playground/core'

/**
 * Holds items for up to `windowMs` after the first, so that those of several sources come out in the order that
 * `compare` says; equal ones keep the order in which they came. Failures pass at once.
 */
export async function* reorder<Item>(
  source: AsyncIterable<Followed<readonly Item[]>>,
  compare: (a: Item, b: Item) => number,
  options: { readonly windowMs: number; readonly clock: Clock },
): AsyncGenerator<Followed<Item>> {
  const iterator = source[Symbol.asyncIterator]()
  let next = iterator.next()
  let held: Item[] = []
  let due: Promise<undefined> | undefined
  try {
    for (;;) {
      const result = await (due === undefined ? next : Promise.race([next, due]))
      if (result === undefined || result.done === true) {
        for (const item of held.sort(compare)) yield { kind: 'item', item }
        if (result !== undefined) return
        held = []
        due = undefined
        continue
      }
      next = iterator.next()
      if (result.value.kind === 'failure') {
        yield result.value
        continue
      }
      held.push(...result.value.item)
      due ??= options.clock.sleep(options.windowMs).then(() => undefined)
    }
  } finally {
    // Both end when the source is aborted; nobody is left to be told how.
    next.catch(() => undefined)
    iterator.return?.().catch(() => undefined)
  }
}
