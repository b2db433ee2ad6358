import type { LogBatch, LogEntry, LogSink } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'

export interface LogSinkSetup {
  /** A sink before an empty far side. */
  readonly create: () => Promise<LogSink> | LogSink
  /** What the far side holds, repeats dropped. */
  readonly stored: (sink: LogSink) => Promise<readonly LogEntry[]> | readonly LogEntry[]
}

const forever = new AbortController().signal

/** The promises of the LogSink seam. */
export function logSinkContract(name: string, setup: LogSinkSetup): void {
  const entries = (lines: readonly string[]): LogEntry[] =>
    lines.map((line, index) => ({
      kind: 'app',
      timeMs: 1_700_000_000_000 + index,
      node: 'n1',
      app: 'app',
      version: '1.0.0',
      instance: 'i1',
      stream: index % 2 === 0 ? 'stdout' : 'stderr',
      seq: index + 1,
      line,
    }))

  describe(`${name} keeps the log sink contract`, () => {
    it.each<[string, string[]]>([
      ['one line', ['hello']],
      ['an empty line', ['']],
      [
        'unicode and control characters',
        ['Grüße 你好 🙂', 'tab\there', 'nul\0there', '\u001b[31mred'],
      ],
      ['a line of 200 KiB', ['x'.repeat(200 * 1024)]],
      ['a thousand lines', Array.from({ length: 1000 }, (_, index) => `line ${String(index)}`)],
    ])('stores %s as it is', async (_name, lines) => {
      const sink = await setup.create()
      const batch: LogBatch = { id: 'batch-1', entries: entries(lines) }
      await sink.write(batch, forever)
      expect(await setup.stored(sink)).toEqual(batch.entries)
    })

    it('stores a batch that comes again once', async () => {
      const sink = await setup.create()
      const batch: LogBatch = { id: 'batch-1', entries: entries(['a', 'b']) }
      await sink.write(batch, forever)
      await sink.write(batch, forever)
      expect(await setup.stored(sink)).toEqual(batch.entries)
    })

    it('refuses to begin once it is aborted', async () => {
      const sink = await setup.create()
      const writing = sink.write(
        { id: 'batch-1', entries: entries(['a']) },
        AbortSignal.abort(new Error('no')),
      )
      await expect(writing).rejects.toThrow()
      expect(await setup.stored(sink)).toEqual([])
    })
  })
}
