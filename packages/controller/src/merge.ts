interface Parcel<Item> {
  readonly item: Item
  readonly taken: () => void
}

/**
 * Passes on items of several sources as they come; ends when all have ended, and throws what one of them throws.
 * A source goes on once its last item was taken. Whoever stops early aborts what the sources wait for.
 */
export async function* mergeLive<Item>(
  sources: readonly AsyncIterable<Item>[],
): AsyncGenerator<Item> {
  const parcels: Parcel<Item>[] = []
  const failures: unknown[] = []
  let isLeft = false
  let open = sources.length
  let wake: () => void = () => undefined
  const stops = (): boolean => isLeft
  const pump = async (source: AsyncIterable<Item>): Promise<void> => {
    try {
      for await (const item of source) {
        if (stops()) return
        const { promise, resolve } = Promise.withResolvers<undefined>()
        parcels.push({
          item,
          taken: () => {
            resolve(undefined)
          },
        })
        wake()
        await promise
        if (stops()) return
      }
    } catch (error) {
      failures.push(error)
    } finally {
      open -= 1
      wake()
    }
  }
  for (const source of sources) void pump(source)
  let parcel: Parcel<Item> | undefined
  try {
    for (;;) {
      parcel = parcels.shift()
      if (parcel !== undefined) {
        yield parcel.item
        parcel.taken()
      } else if (failures.length > 0) {
        throw failures[0]
      } else if (open === 0) {
        return
      } else {
        const { promise, resolve } = Promise.withResolvers<undefined>()
        wake = () => {
          resolve(undefined)
        }
        await promise
      }
    }
  } finally {
    isLeft = true
    parcel?.taken()
    for (const waiting of parcels) waiting.taken()
  }
}
