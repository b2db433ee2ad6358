import type { DroppedLines, Followed, LogEntry, NodeFailure } from '@p2p-playground/core'
import { expect, vi } from 'vitest'

export const UNTIL = { timeout: 10_000, interval: 5 }

/** What a follower has got so far. */
export class Follower {
  readonly lines: string[] = []
  readonly entries: LogEntry[] = []
  readonly failures: NodeFailure[] = []
  readonly dropped: DroppedLines[] = []
  readonly stop = new AbortController()
  ended: Promise<void> = Promise.resolve()

  read(stream: AsyncIterable<Followed<LogEntry>>): this {
    this.ended = this.#drain(stream)
    return this
  }

  async #drain(stream: AsyncIterable<Followed<LogEntry>>): Promise<void> {
    for await (const followed of stream) {
      if (followed.kind === 'failure') this.failures.push(followed.failure)
      else if (followed.kind === 'dropped') this.dropped.push(followed.dropped)
      else if (followed.kind === 'item') {
        this.entries.push(followed.item)
        this.lines.push(followed.item.line)
      }
    }
  }

  async has(...lines: readonly string[]): Promise<void> {
    await vi.waitFor(() => {
      expect(this.lines).toEqual(lines)
    }, UNTIL)
  }

  async hasFailures(...codes: readonly string[]): Promise<void> {
    await vi.waitFor(() => {
      expect(this.failures.map(({ code }) => code)).toEqual(codes)
    }, UNTIL)
  }
}
