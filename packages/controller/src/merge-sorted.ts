/** Walks the batches of one source. */
class Cursor<Item extends object> {
  readonly #batches: AsyncIterator<readonly Item[]>
  #batch: readonly Item[] = []
  #index = 0

  constructor(source: AsyncIterable<readonly Item[]>) {
    this.#batches = source[Symbol.asyncIterator]()
  }

  /** The next item; undefined at the end. */
  get head(): Item | undefined {
    return this.#batch[this.#index]
  }

  /** True when another batch is needed to know the head. */
  get isDrained(): boolean {
    return this.#index >= this.#batch.length
  }

  step(): void {
    this.#index += 1
  }

  async fill(): Promise<void> {
    while (this.isDrained) {
      const result = await this.#batches.next()
      if (result.done === true) return
      this.#batch = result.value
      this.#index = 0
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.()
  }
}

/**
 * Merges sources that are each in order: the least of all next items comes first, of equals the earlier source's.
 * Holds one batch per source, so that it does not matter how long they are.
 */
export async function* mergeSorted<Item extends object>(
  sources: readonly AsyncIterable<readonly Item[]>[],
  compare: (a: Item, b: Item) => number,
): AsyncGenerator<Item> {
  const cursors = sources.map((source) => new Cursor(source))
  try {
    await Promise.all(cursors.map(async (cursor) => cursor.fill()))
    for (;;) {
      const next = least(cursors, compare)
      if (next?.head === undefined) return
      yield next.head
      next.step()
      if (next.isDrained) await next.fill()
    }
  } finally {
    await Promise.all(cursors.map(async (cursor) => cursor.close()))
  }
}

function least<Item extends object>(
  cursors: readonly Cursor<Item>[],
  compare: (a: Item, b: Item) => number,
): Cursor<Item> | undefined {
  let best: Cursor<Item> | undefined
  for (const cursor of cursors) {
    if (cursor.head === undefined) continue
    if (best?.head === undefined || compare(cursor.head, best.head) < 0) best = cursor
  }
  return best
}
