import type { AppLogEntry, LogEntry } from '@p2p-playground/core'

/** When the first line of each batch was read, milliseconds since the epoch. */
const FIRST_MS = 1_700_000_000_000

/** Lines of one app, numbered from `firstSeq`, one millisecond apart, its two streams by turns. */
export function appLines(
  lines: readonly string[],
  { firstSeq = 1, app = 'app' }: { readonly firstSeq?: number; readonly app?: string } = {},
): AppLogEntry[] {
  return lines.map((line, index) => ({
    kind: 'app',
    timeMs: FIRST_MS + firstSeq + index - 1,
    node: 'n1',
    app,
    version: '1.0.0',
    instance: 'i1',
    stream: index % 2 === 0 ? 'stdout' : 'stderr',
    seq: firstSeq + index,
    line,
  }))
}

export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${String(index)}`)
}

/** Two hundred lines of one millisecond, among them two that are equal, then a clock that was set back by three seconds. */
export function linesOfOddTimes(): LogEntry[] {
  return appLines([...numbered(200), 'same', 'same', 'same', 'same']).map((entry) => ({
    ...entry,
    timeMs: entry.seq < 203 ? FIRST_MS : FIRST_MS - 3000,
  }))
}

/** Of each kind, with all fields that it can have, of several sources by turns. */
export function linesOfAllKinds(): LogEntry[] {
  const [one, two] = appLines(['from stdout', 'begins here, '])
  if (one === undefined || two === undefined) throw new Error('there are two')
  const numbered = { timeMs: FIRST_MS + 1, node: 'n1' }
  const nothing = { app: null, version: null }
  return [
    one,
    {
      ...numbered,
      ...nothing,
      kind: 'daemon',
      seq: 1,
      line: 'daemon-started pid=1',
      level: 'info',
      event: 'daemon-started',
      fields: { pid: 1, name: 'n1 ü', first: true, before: null },
    },
    { ...two, stream: 'stdout', cut: true },
    {
      ...numbered,
      ...nothing,
      kind: 'event',
      seq: 1,
      line: 'the node is up',
      type: 'node-up',
      code: null,
      by: null,
    },
    { ...two, stream: 'stdout', seq: 3, line: 'and ends here' },
    {
      ...numbered,
      kind: 'daemon',
      app: 'app',
      version: '1.0.0',
      seq: 2,
      line: 'start-failed',
      level: 'error',
      event: 'start-failed',
      fields: {},
    },
    {
      ...numbered,
      kind: 'event',
      app: 'app',
      version: '1.0.0',
      seq: 2,
      line: 'app@1.0.0 was refused',
      type: 'refused',
      code: 'APP_DOWNGRADE',
      by: '12D3KooWExample',
    },
    {
      ...two,
      version: '1.1.0',
      instance: 'i2',
      stream: 'pre-start',
      seq: 1,
      line: 'of another version',
    },
    { ...two, version: '1.1.0', instance: 'i2', stream: 'post-stop', seq: 2, line: 'of it too' },
  ]
}
