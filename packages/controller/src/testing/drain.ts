import type { Followed, NodeFailure } from '@p2p-playground/core'

/** Everything that a stream gives. */
export async function all<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** Items and failures apart. */
export function split<Item>(followed: readonly Followed<Item>[]): {
  readonly items: Item[]
  readonly failures: NodeFailure[]
} {
  return {
    items: followed.flatMap((one) => (one.kind === 'item' ? one.item : [])),
    failures: followed.flatMap((one) => (one.kind === 'failure' ? one.failure : [])),
  }
}
