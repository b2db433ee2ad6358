import { isPlaygroundError, logSourceOf } from '@p2p-playground/core'
import type { LogBatch, LogEntry, LogSink, PluginLifecycle } from '@p2p-playground/core'
import { expect } from 'vitest'
import { caseWith, forever, prompt, registerContract, without } from './contract-case.js'
import type { ContractCase, ContractHooks } from './contract-case.js'
import { lifecycleCases } from './lifecycle-cases.js'
import { appLines, linesOfAllKinds, linesOfOddTimes, numbered } from './log-lines.js'

type Sink = LogSink & PluginLifecycle

/** Runs `work` while the far side of the sink behaves in a certain way. */
type While = (sink: LogSink, work: () => Promise<void>) => Promise<void>

/** What a log sink's test gives the suite. */
export interface LogSinkSetup extends ContractHooks {
  /** A sink before an empty far side. */
  readonly create: () => Promise<Sink> | Sink
  /** What the far side holds, repeats dropped, each source in the order of `seq`. Values of `fields` may have become texts. */
  readonly stored: (sink: LogSink) => Promise<readonly LogEntry[]> | readonly LogEntry[]
  /** The sink of the next daemon, before the same far side. */
  readonly reopen?: ((sink: LogSink) => Promise<Sink> | Sink) | undefined
  /** Meanwhile the far side will never take what it is sent, as with HTTP 400. */
  readonly refuse?: While | undefined
  /** Meanwhile the far side takes nothing from us, as with wrong credentials. */
  readonly deny?: While | undefined
  /** Meanwhile the far side cannot be reached, or answers 503. */
  readonly down?: While | undefined
  /** Meanwhile the far side takes the question and never answers. */
  readonly slow?: While | undefined
}

type CaseMaker = ReturnType<typeof caseWith<LogSink>>

/** What is not for now, and not for good either. */
const FINAL: readonly string[] = ['SINK_REFUSED', 'SINK_DENIED']

/** The promises of the LogSink seam, for a test with vitest. */
export function logSinkContract(name: string, setup: LogSinkSetup): void {
  registerContract(`${name} keeps the log sink contract`, logSinkCases(setup))
}

/** The promises of the LogSink seam, one a case. */
export function logSinkCases(setup: LogSinkSetup): ContractCase[] {
  const theCase = caseWith<LogSink>(setup, setup.create)
  return [
    ...contentCases(setup, theCase),
    ...repeatCases(setup, theCase),
    ...farSideCases(setup, theCase),
    ...abortCases(setup, theCase),
    ...lifecycleCases(setup, setup.create),
  ]
}

function contentCases({ stored }: LogSinkSetup, theCase: CaseMaker): ContractCase[] {
  const contents: readonly [string, readonly LogEntry[]][] = [
    ['one line', appLines(['hello'])],
    ['an empty line', appLines([''])],
    ['spaces at both ends', appLines([' ', '\t x \r', '   '])],
    [
      'unicode and control characters',
      appLines([
        'Grüße 你好 🙂',
        'tab\there',
        'nul\0there',
        '\u001b[31mred',
        '\ufeffmark',
        'a\u2028b\u0085c',
        'e\u0301 is not \u00e9',
      ]),
    ],
    ['what looks like its own format', appLines(['{"a":"b\\n"}', '"', '\\', '{app="x"}', '<a&b>'])],
    ['a line of 200 KiB', appLines(['x'.repeat(200 * 1024)])],
    ['a thousand lines', appLines(numbered(1000))],
    ['lines of one time, equal ones and a clock set back', linesOfOddTimes()],
  ]
  return [
    ...contents.map(([what, entries]) =>
      theCase(`stores ${what} as it is`, async (create) => {
        const sink = await create()
        await sink.write({ id: 'batch-1', entries }, forever)
        expectStored(await stored(sink), entries)
      }),
    ),

    theCase(
      'stores app, daemon and event entries of several sources with all their fields',
      async (create) => {
        const sink = await create()
        const entries = linesOfAllKinds()
        await sink.write({ id: 'batch-1', entries }, forever)
        expectStored(bySource(await stored(sink)), bySource(entries))
      },
    ),

    theCase('keeps the order over several batches', async (create) => {
      const sink = await create()
      const entries = appLines(numbered(60))
      for (const [index, first] of [0, 20, 40].entries()) {
        const batch = { id: `batch-${String(index)}`, entries: entries.slice(first, first + 20) }
        await sink.write(batch, forever)
      }
      expectStored(await stored(sink), entries)
    }),

    theCase('leaves the batch as it is', async (create) => {
      const sink = await create()
      const batch = { id: 'batch-1', entries: linesOfAllKinds() }
      const before = structuredClone(batch)
      await sink.write(batch, forever)
      expect(batch).toEqual(before)
    }),

    theCase('keeps instances apart that write at once', async (create) => {
      const apps = ['one', 'two', 'three']
      const sinks = await Promise.all(apps.map(async (app) => ({ app, sink: await create() })))
      const entriesOf = (app: string): LogEntry[] => appLines(numbered(50), { app })
      await Promise.all(
        sinks.map(async ({ app, sink }) =>
          sink.write({ id: `batch-${app}`, entries: entriesOf(app) }, forever),
        ),
      )
      for (const { app, sink } of sinks) {
        const ofApp = (await stored(sink)).filter((entry) => entry.app === app)
        expectStored(ofApp, entriesOf(app))
      }
    }),
  ]
}

function repeatCases({ stored, reopen }: LogSinkSetup, theCase: CaseMaker): ContractCase[] {
  return [
    theCase('stores a batch that comes again once', async (create) => {
      const sink = await create()
      const batch = batchOf('a', 'b')
      await sink.write(batch, forever)
      await sink.write(batch, forever)
      expectStored(await stored(sink), batch.entries)
    }),

    theCase(
      'stores a batch that comes again from the next daemon once',
      async (create) => {
        const sink = await create()
        const batch = batchOf('a', 'b')
        await sink.write(batch, forever)
        await sink.close?.()
        const next = await reopen?.(sink)
        await next?.open?.(forever)
        await next?.write(structuredClone(batch), forever)
        const found = await stored(next ?? sink)
        await next?.close?.()
        expectStored(found, batch.entries)
      },
      without('reopen', reopen),
    ),

    theCase('after close either stores a batch or throws', async (create) => {
      const sink = await create()
      await sink.close?.()
      const batch = batchOf('late')
      const error = await failureOf(sink.write(batch, forever))
      if (error === undefined) expectStored(await stored(sink), batch.entries)
    }),
  ]
}

function farSideCases(setup: LogSinkSetup, theCase: CaseMaker): ContractCase[] {
  const { stored, refuse, deny, down } = setup
  const final = (
    name: string,
    code: 'SINK_REFUSED' | 'SINK_DENIED',
    [hookName, hook]: [string, While | undefined],
  ): ContractCase =>
    theCase(
      name,
      async (create) => {
        const sink = await create()
        const batch = batchOf('a', 'b')
        await hook?.(sink, async () => {
          const error = await prompt(setup, 'a write', failureOf(sink.write(batch, forever)))
          expect(error).toMatchObject({ code })
        })
        expect(await stored(sink)).toEqual([])
        await sink.write(batch, forever)
        expectStored(await stored(sink), batch.entries)
      },
      without(hookName, hook),
    )
  return [
    final('throws SINK_REFUSED when the far side will never take the batch', 'SINK_REFUSED', [
      'refuse',
      refuse,
    ]),
    final('throws SINK_DENIED when the far side takes nothing from us', 'SINK_DENIED', [
      'deny',
      deny,
    ]),
    theCase(
      'throws at once when the far side is down, without a verdict on the batch',
      async (create) => {
        const sink = await create()
        const batch = batchOf('a', 'b')
        await down?.(sink, async () => {
          const error = await prompt(setup, 'a write', failureOf(sink.write(batch, forever)))
          expect(error, 'a write to a far side that is down resolved').toBeDefined()
          expect(FINAL).not.toContain(isPlaygroundError(error) ? error.code : '')
        })
        await sink.write(batch, forever)
        expectStored(await stored(sink), batch.entries)
      },
      without('down', down),
    ),
  ]
}

function abortCases(setup: LogSinkSetup, theCase: CaseMaker): ContractCase[] {
  const { stored, slow } = setup
  return [
    theCase('refuses to begin once it is aborted', async (create) => {
      const sink = await create()
      const writing = sink.write(batchOf('a'), AbortSignal.abort(new Error('no')))
      expect(await prompt(setup, 'a write', failureOf(writing))).toBeDefined()
      expect(await stored(sink)).toEqual([])
    }),

    theCase(
      'ends a write that is aborted in the middle, and stores the batch once when it comes again',
      async (create) => {
        const sink = await create()
        const batch = batchOf('a', 'b')
        await slow?.(sink, async () => {
          const writing = sink.write(batch, AbortSignal.timeout(20))
          expect(await prompt(setup, 'a write past its abort', failureOf(writing))).toBeDefined()
        })
        await sink.write(batch, forever)
        expectStored(await stored(sink), batch.entries)
      },
      without('slow', slow),
    ),
  ]
}

function batchOf(...lines: readonly string[]): LogBatch {
  return { id: 'batch-1', entries: appLines(lines) }
}

/** What it rejects with; undefined when it does not. */
async function failureOf(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error ?? new Error('it rejected with nothing'),
  )
}

function expectStored(found: readonly LogEntry[], entries: readonly LogEntry[]): void {
  for (const [index, entry] of entries.entries()) {
    expect(
      withTextFields(found[index]),
      `entry ${String(index + 1)} of ${String(entries.length)}`,
    ).toEqual(withTextFields(entry))
  }
  expect(found.length, 'how many are stored').toBe(entries.length)
}

/** A far side may keep the values of fields as text. */
function withTextFields(entry: LogEntry | undefined): unknown {
  if (entry?.kind !== 'daemon') return entry
  const fields = Object.entries(entry.fields).map(([name, value]) => [name, String(value)])
  return { ...entry, fields: Object.fromEntries(fields) as unknown }
}

/** The entries in an order that does not depend on that between sources. */
function bySource(entries: readonly LogEntry[]): LogEntry[] {
  return Object.entries(Object.groupBy(entries, logSourceOf))
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([, ofSource]) => ofSource ?? [])
}
