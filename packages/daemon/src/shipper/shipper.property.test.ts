import type { LogBatch, LogEntry } from '@p2p-playground/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fixture, deny, entriesOf, hang, later, nameOf, refuse } from './shipper.test.support.js'
import type { Behaviour } from './shipper.test.support.js'

const SOURCES = ['a@1.0.0', 'b@1.0.0', 'daemon'] as const
const POISON = 'poison'

type Mood = 'takes' | 'takes and fails' | 'fails' | 'asks to wait' | 'denies' | 'hangs'

type Step =
  | { readonly do: 'write'; readonly source: number; readonly lines: readonly boolean[] }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'drop'; readonly source: number; readonly lines: number }
  | { readonly do: 'remove'; readonly source: number }
  | { readonly do: 'crash' }
  | { readonly do: 'stop' }

const source = fc.nat(SOURCES.length - 1)
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        source,
        lines: fc.array(
          fc.nat(30).map((number) => number === 0),
          { minLength: 1, maxLength: 40 },
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.constantFrom(0, 1, 499, 500, 3000, 70_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('drop' as const), source, lines: fc.nat(30) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), source: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  ),
  { minLength: 1, maxLength: 25 },
)
const moods = fc.array(
  fc.constantFrom<Mood>('takes', 'takes and fails', 'fails', 'asks to wait', 'denies', 'hangs'),
  { minLength: 1, maxLength: 10 },
)

/** The far side, and what of it the shipper heard. */
function behaviourOf(moodOfTry: () => Mood, stored: LogBatch[]): Behaviour {
  return (batch, signal) => {
    if (batch.entries.some(({ line }) => line.includes(POISON))) return refuse(batch, signal)
    switch (moodOfTry()) {
      case 'takes':
        stored.push(batch)
        return
      case 'takes and fails':
        stored.push(batch)
        return later()(batch, signal)
      case 'fails':
        return later()(batch, signal)
      case 'asks to wait':
        return later(2000)(batch, signal)
      case 'denies':
        return deny(batch, signal)
      case 'hangs':
        return hang(batch, signal)
    }
  }
}

async function run(fixture: Fixture, step: Step): Promise<void> {
  switch (step.do) {
    case 'write':
      fixture.log.write(
        SOURCES[step.source] ?? '',
        ...step.lines.map((isBad, index) => `${isBad ? POISON : 'line'} ${String(index)}`),
      )
      return
    case 'wait':
      return fixture.clock.advance(step.ms)
    case 'drop':
      fixture.log.drop(SOURCES[step.source] ?? '', step.lines)
      return
    case 'remove': {
      const name = SOURCES[step.source] ?? ''
      const released = fixture.shipper?.release(name)
      await fixture.clock.advance(2000)
      await released
      fixture.log.remove(name)
      return
    }
    case 'crash':
      await fixture.crash()
      await fixture.start()
      return
    case 'stop': {
      const stopped = fixture.shipper?.stop()
      await fixture.clock.advance(2000)
      await stopped
      await fixture.start()
    }
  }
}

/** What was sent under each id, however often. */
function idsWithOtherLines(tries: readonly LogBatch[]): string[] {
  const first = new Map<string, string>()
  return tries.flatMap(({ id, entries }) => {
    const names = entries.map(nameOf).join()
    const before = first.get(id) ?? names
    first.set(id, before)
    return before === names ? [] : [id]
  })
}

function outOfOrder(entries: readonly LogEntry[]): LogEntry[] {
  const newest = new Map<string, number>()
  return entries.filter((entry) => {
    const life = nameOf(entry).replace(/ \d+$/, '')
    const before = newest.get(life) ?? 0
    newest.set(life, entry.seq)
    return entry.seq < before
  })
}

it('delivers each line at least once and in order, or counts it, whatever fails and whenever it is killed', async () => {
  await fc.assert(
    fc.asyncProperty(steps, moods, async (script, cycle) => {
      const fixture = new Fixture()
      const stored: LogBatch[] = []
      let tries = 0
      let isCalm = false
      const moodOfTry = (): Mood => {
        tries += 1
        return isCalm ? 'takes' : (cycle[tries % cycle.length] ?? 'takes')
      }
      fixture.sink.behave = behaviourOf(moodOfTry, stored)
      await fixture.start()
      for (const step of script) await run(fixture, step)
      isCalm = true
      // Whether a sink takes lines again shows only when there are some.
      fixture.log.write('daemon', 'last')
      await fixture.clock.advance(1_200_000)
      const status = fixture.shipper?.status()
      await fixture.crash()

      const delivered = entriesOf(stored)
      const dead = new Set(fixture.letters.map(({ entry }) => nameOf(entry)))
      const there = new Map(delivered.map((entry) => [nameOf(entry), entry]))
      const missing = fixture.log.written.filter((entry) => {
        return !there.has(nameOf(entry)) && !dead.has(nameOf(entry))
      })
      expect(status).toMatchObject({ state: 'ok', lagLines: 0, oldestMs: null })
      expect(missing.length).toBeLessThanOrEqual(status?.lostLines ?? 0)
      if (!script.some((step) => step.do === 'drop' || step.do === 'remove')) {
        expect(status?.lostLines).toBe(0)
      }
      expect(fixture.letters.filter(({ entry }) => !entry.line.includes(POISON))).toEqual([])
      const written = new Map(fixture.log.written.map((entry) => [nameOf(entry), entry]))
      expect(delivered.filter((entry) => written.get(nameOf(entry)) !== entry)).toEqual([])
      expect(idsWithOtherLines(fixture.sink.tries)).toEqual([])
      expect(outOfOrder(delivered)).toEqual([])
    }),
    { numRuns: 200 },
  )
}, 120_000)
