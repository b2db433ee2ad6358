/** Passes on batches of several sources as they come, each at once; ends when all have ended. */
export async function* mergeLive<Item>(
  sources: readonly AsyncIterable<Item>[],
): AsyncGenerator<Item> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  const pending = new Map(iterators.map((iterator) => [iterator, advance(iterator)]))
  try {
    while (pending.size > 0) {
      const { iterator, result } = await Promise.race(pending.values())
      if (result.done === true) {
        pending.delete(iterator)
        continue
      }
      pending.set(iterator, advance(iterator))
      yield result.value
    }
  } finally {
    for (const iterator of pending.keys()) void iterator.return?.()
  }
}

async function advance<Item>(
  iterator: AsyncIterator<Item>,
): Promise<{ readonly iterator: AsyncIterator<Item>; readonly result: IteratorResult<Item> }> {
  return { iterator, result: await iterator.next() }
}
