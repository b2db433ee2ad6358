import type { DroppedLines, Followed, NodeFailure } from '@p2p-playground/core'

/**
 * Shows items as they come. Gives the failures that are left to judge, at most one per node; while following, a node
 * that is away is only warned of, once until it is back. Lines that are gone are warned of, too.
 */
export async function showFollowed<Item extends { readonly node: string }>(
  source: AsyncIterable<Followed<Item>>,
  options: {
    readonly follow: boolean
    readonly signal: AbortSignal
    readonly show: (item: Item) => void
    readonly warn: (text: string) => void
  },
): Promise<{
  readonly failures: readonly NodeFailure[]
  /** How many nodes answered and did not fail later. */
  readonly answered: number
}> {
  const failures = new Map<string, NodeFailure>()
  const away = new Set<string>()
  let answered = 0
  try {
    for await (const followed of source) {
      if (followed.kind === 'item') {
        away.delete(followed.item.node)
        options.show(followed.item)
        continue
      }
      if (followed.kind === 'dropped') {
        options.warn(droppedText(followed.dropped))
        continue
      }
      if (followed.kind === 'stored') {
        answered += followed.answered
        continue
      }
      const { failure } = followed
      if (!options.follow || failure.code !== 'NODE_UNREACHABLE') {
        // Those that failed at once come before the count, and are not in it.
        if (answered > 0 && !failures.has(failure.peerId)) answered -= 1
        failures.set(failure.peerId, failure)
      } else if (!away.has(failure.node)) {
        away.add(failure.node)
        options.warn(`${failure.node} is away: ${failure.message}`)
      }
    }
  } catch (error) {
    // Ctrl-C, or the end of --timeout, is how following ends.
    if (!(options.follow && options.signal.aborted)) throw error
  }
  return { failures: [...failures.values()], answered }
}

function droppedText({ node, source, lines }: DroppedLines): string {
  const of = source === 'event' ? 'the events' : source === 'daemon' ? "the daemon's log" : source
  const count = lines === 1 ? '1 line was' : `${String(lines)} lines were`
  return `${node}: ${count} dropped from ${of} (cap of size or age)`
}
