import type { LogEntry } from '@p2p-playground/core'
import type { LogSinkSetup } from '../contracts/log-sink-contract.js'
import { fakeLogSinkSetup } from '../fakes/fake-setups.js'
import { InMemoryLogSink } from '../fakes/in-memory-log-sink.js'
import type { BrokenPlugin } from './broken-plugin.js'
import { withFaultyLifecycles } from './faulty-lifecycles.js'
import {
  Alters,
  BeginsThoughAborted,
  ClosesOnce,
  DoesNotHeedAborts,
  DropsAfterClose,
  ForgetsItsWrites,
  KeepsOnlyTheLast,
  Recodes,
  SharesOneConnection,
  SortsTheBatch,
  StoresRepeats,
  SwallowsFailures,
  TakesAbortsForSuccess,
  TriesAgainItself,
} from './faulty-log-sinks.js'

const onLines = (alter: (line: string) => string) => (entries: readonly LogEntry[]) =>
  entries.map((entry) => ({ ...entry, line: alter(entry.line) }))

const ofKinds = 'stores app, daemon and event entries of several sources with all their fields'
const later = 'throws at once when the far side is down, without a verdict on the batch'
const aborted =
  'ends a write that is aborted in the middle, and stores the batch once when it comes again'
const stores = (what: string): string => `stores ${what} as it is`

const broken = (
  fault: string,
  make: (before?: InMemoryLogSink) => InMemoryLogSink,
  breaks: readonly string[],
  says: RegExp,
): BrokenPlugin<LogSinkSetup> => ({ fault, breaks, says, setup: fakeLogSinkSetup(make) })

export const BROKEN_LOG_SINKS: readonly BrokenPlugin<LogSinkSetup>[] = [
  broken(
    'keeps a single line for later',
    (before) => new Alters((all) => (all.length === 1 ? [] : all), before),
    [stores('one line'), stores('an empty line'), stores('a line of 200 KiB')],
    /entry 1 of 1/,
  ),
  broken(
    'drops backslashes',
    (before) =>
      new Alters(
        onLines((line) => line.replaceAll('\\', '')),
        before,
      ),
    [stores('what looks like its own format')],
    /entry 1 of 5/,
  ),
  broken(
    'keeps its connection outside of the instance',
    (before) => new SharesOneConnection(before),
    ['keeps instances apart that write at once'],
    /entry 1 of 50/,
  ),
  broken(
    'drops empty lines',
    (before) => new Alters((all) => all.filter(({ line }) => line !== ''), before),
    [stores('an empty line')],
    /entry 1 of 1/,
  ),
  broken(
    'trims lines',
    (before) =>
      new Alters(
        onLines((line) => line.trim()),
        before,
      ),
    [stores('spaces at both ends'), stores('unicode and control characters'), ofKinds],
    /line: ''/,
  ),
  broken(
    'writes Latin-1',
    (before) =>
      new Alters(
        onLines((line) => Buffer.from(line, 'latin1').toString('latin1')),
        before,
      ),
    [stores('unicode and control characters')],
    /entry 1 of/,
  ),
  broken(
    'composes letters',
    (before) =>
      new Alters(
        onLines((line) => line.normalize('NFC')),
        before,
      ),
    [stores('unicode and control characters')],
    /entry 7 of 7/,
  ),
  broken(
    'cuts long lines',
    (before) =>
      new Alters(
        onLines((line) => line.slice(0, 65_536)),
        before,
      ),
    [stores('a line of 200 KiB')],
    /entry 1 of 1/,
  ),
  broken(
    'takes at most 500 lines',
    (before) => new Alters((all) => all.slice(0, 500), before),
    [stores('a thousand lines')],
    /entry 501 of 1000/,
  ),
  broken(
    'drops lines that are equal',
    (before) => new Alters(withoutEqual, before),
    [stores('lines of one time, equal ones and a clock set back')],
    /entry 202 of 204/,
  ),
  broken(
    'sorts by time',
    (before) => new Alters((all) => [...all].sort((a, b) => a.timeMs - b.timeMs), before),
    [stores('lines of one time, equal ones and a clock set back')],
    /entry 1 of 204/,
  ),
  broken(
    'knows only what apps write',
    (before) => new Alters((all) => all.filter(({ kind }) => kind === 'app'), before),
    [ofKinds],
    /entry 6 of 9/,
  ),
  broken(
    'leaves fields out',
    (before) =>
      new Alters(
        (all) => all.map((one) => (one.kind === 'daemon' ? { ...one, fields: {} } : one)),
        before,
      ),
    [ofKinds],
    /fields: \{\}/,
  ),
  broken(
    'stores a repeat twice',
    (before) => new StoresRepeats(before),
    ['stores a batch that comes again once'],
    /how many are stored: expected 4 to be 2/,
  ),
  broken(
    'drops repeats only while it lives',
    (before) => new ForgetsItsWrites(before),
    ['stores a batch that comes again from the next daemon once'],
    /how many are stored: expected 4 to be 2/,
  ),
  broken(
    'overwrites the batch before',
    (before) => new KeepsOnlyTheLast(before),
    ['keeps the order over several batches'],
    /entry 1 of 60/,
  ),
  broken(
    'sorts the batch in place',
    (before) => new SortsTheBatch(before),
    ['leaves the batch as it is'],
    /kind: 'app'/,
  ),
  broken(
    'swallows the failure when the far side is down',
    (before) => new SwallowsFailures(before),
    [later],
    /resolved/,
  ),
  broken(
    'takes a far side that is down for a refusal',
    (before) => new Recodes('SINK_UNAVAILABLE', 'SINK_REFUSED', before),
    [later],
    /SINK_REFUSED/,
  ),
  broken(
    'takes a refusal for later',
    (before) => new Recodes('SINK_REFUSED', 'SINK_UNAVAILABLE', before),
    ['throws SINK_REFUSED when the far side will never take the batch'],
    /SINK_UNAVAILABLE/,
  ),
  broken(
    'takes wrong credentials for a refusal',
    (before) => new Recodes('SINK_DENIED', 'SINK_REFUSED', before),
    ['throws SINK_DENIED when the far side takes nothing from us'],
    /SINK_REFUSED/,
  ),
  broken(
    'tries again itself',
    (before) => new TriesAgainItself(before),
    [later],
    /a write took longer/,
  ),
  broken(
    'begins though it is aborted',
    (before) => new BeginsThoughAborted(before),
    ['refuses to begin once it is aborted'],
    /undefined/,
  ),
  broken(
    'does not heed an abort in the middle',
    (before) => new DoesNotHeedAborts(before),
    [aborted],
    /took longer/,
  ),
  broken(
    'takes an abort for success',
    (before) => new TakesAbortsForSuccess(before),
    [aborted],
    /undefined/,
  ),
  broken(
    'drops what comes after close',
    (before) => new DropsAfterClose(before),
    ['after close either stores a batch or throws'],
    /entry 1 of 1/,
  ),
  broken(
    'cannot be closed twice',
    (before) => new ClosesOnce(before),
    [
      'opens twice and closes twice without harm',
      'stores a batch that comes again from the next daemon once',
      'after close either stores a batch or throws',
    ],
    /closed already/,
  ),
  ...withFaultyLifecycles((wrap) =>
    fakeLogSinkSetup((before) => wrap(new InMemoryLogSink(before))),
  ),
]

function withoutEqual(entries: readonly LogEntry[]): LogEntry[] {
  const seen = new Set<string>()
  return entries.filter(({ timeMs, line }) => {
    const key = `${String(timeMs)} ${line}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
