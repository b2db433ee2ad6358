import type { LogBatch } from '@p2p-playground/core'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  Fixture,
  LIMITS,
  ScriptedSink,
  deny,
  hang,
  later,
  numbered,
  refuse,
} from './shipper.test.support.js'
import type { Behaviour } from './shipper.test.support.js'

const APP = 'hello@1.0.0'
let fixture: Fixture

beforeEach(() => {
  fixture = new Fixture()
})

const sizes = (batches: readonly LogBatch[]): number[] =>
  batches.map(({ entries }) => entries.length)
const seqsOf = ({ entries }: LogBatch): number[] => entries.map(({ seq }) => seq)

/** Behaves once for each of the first batches, then takes what comes. */
function first(...behaviours: readonly Behaviour[]): Behaviour {
  const left = [...behaviours]
  return (batch, signal) => left.shift()?.(batch, signal)
}

describe('batches', () => {
  it('ship a quiet source after a moment', async () => {
    await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(LIMITS.lingerMs - 1)
    expect(fixture.sink.tries).toEqual([])
    await fixture.clock.advance(1)
    expect(fixture.sink.lines).toEqual(['one'])
  })

  describe('of a sink that pays for each', () => {
    const LONG_MS = 30_000
    beforeEach(async () => {
      await fixture.start({ sink: Object.assign(fixture.sink, { lingerMs: LONG_MS }) })
    })

    it('wait as long as it asks', async () => {
      fixture.log.write(APP, ...numbered(9))
      await fixture.clock.advance(LONG_MS - 1)
      expect(fixture.sink.tries).toEqual([])
      await fixture.clock.advance(1)
      expect(sizes(fixture.sink.batches)).toEqual([9])
    })

    it('go at once when they are full, and the rest waits', async () => {
      for (const line of numbered(25)) fixture.log.write(APP, line)
      await fixture.clock.advance(1)
      expect(sizes(fixture.sink.batches)).toEqual([10, 10])
      await fixture.clock.advance(LONG_MS)
      expect(sizes(fixture.sink.batches)).toEqual([10, 10, 5])
    })

    it('do not wait behind a batch of long lines', async () => {
      fixture.log.write(APP, ...Array.from({ length: 6 }, () => 'x'.repeat(600)))
      await fixture.clock.advance(LONG_MS)
      expect(sizes(fixture.sink.batches)).toEqual([1, 1, 1, 1, 1, 1])
    })
  })

  it('are full where there is much', async () => {
    await fixture.start()
    for (const line of numbered(25)) fixture.log.write(APP, line)
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(sizes(fixture.sink.batches)).toEqual([10, 10, 5])
    expect(fixture.sink.lines).toEqual(numbered(25))
  })

  it('are bounded in bytes, and a line that is larger goes alone', async () => {
    await fixture.start()
    fixture.log.write(APP, 'ä'.repeat(300), 'b'.repeat(600), 'c'.repeat(5000), 'd')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(sizes(fixture.sink.batches)).toEqual([1, 1, 1, 1])
  })

  it('are of one source each, the sources in turn', async () => {
    await fixture.start()
    fixture.log.write('busy@1.0.0', ...numbered(40))
    fixture.log.write('quiet@1.0.0', 'q1')
    fixture.log.write('daemon', 'd1')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.batches.map(({ entries }) => entries[0]?.app)).toEqual([
      ...['busy', 'quiet', null, 'busy', 'busy', 'busy'],
    ])
  })

  it('take a new sink from the oldest line that is kept, which is no loss', async () => {
    fixture.log.write(APP, ...numbered(20))
    fixture.log.drop(APP, 8)
    const shipper = await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.lines).toEqual(numbered(12, 9))
    expect(shipper.status()).toMatchObject({ lagLines: 0, shippedLines: 12, lostLines: 0 })
  })

  it('wait for no source that cannot be read, and take that in once it can', async () => {
    await fixture.start()
    fixture.log.broken.add(APP)
    fixture.log.write(APP, ...numbered(3))
    fixture.log.write('other@1.0.0', 'one')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.lines).toEqual(['one'])
    await fixture.clock.advance(60_000)
    fixture.log.write('other@1.0.0', 'two')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.lines).toEqual(['one', 'two'])
    expect(fixture.shipper?.status()).toMatchObject({ state: 'ok', lagLines: 3 })
    expect(fixture.count('log-sink-source-failed')).toBe(2)
    fixture.log.broken.clear()
    await fixture.clock.advance(10_000)
    expect(fixture.sink.lines).toEqual(['one', 'two', ...numbered(3)])
  })

  it('are not shipped before they are on the disk', async () => {
    const shipper = await fixture.start()
    fixture.isDiskFull = true
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(5000)
    expect(fixture.sink.tries).toEqual([])
    expect(shipper.status()).toMatchObject({ state: 'retrying', reason: 'no space left' })
    fixture.isDiskFull = false
    await fixture.clock.advance(60_000)
    expect(fixture.sink.lines).toEqual(['one'])
    expect(shipper.status()).toMatchObject({ state: 'ok', lagLines: 0 })
  })
})

describe('a batch that fails', () => {
  it.each<[string, Behaviour]>([
    ['does not get through', later()],
    [
      'throws what is no error',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw 'oops'
      },
    ],
    ['hangs and hears no signal', hang],
    [
      'hangs until it is aborted',
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('aborted'))
          })
        }),
    ],
    [
      'throws at once',
      () => {
        throw new TypeError('broken plugin')
      },
    ],
  ])('comes again as it was when the sink %s', async (_, behaviour) => {
    fixture.sink.behave = first(behaviour, behaviour)
    const shipper = await fixture.start()
    fixture.log.write(APP, 'one', 'two')
    await fixture.clock.advance(LIMITS.lingerMs)
    fixture.log.write(APP, 'three')
    await fixture.clock.advance(3 * LIMITS.writeMs)
    const [before, again, last] = fixture.sink.tries
    expect(again).toEqual(before)
    expect(last).toEqual(before)
    expect(fixture.sink.lines).toEqual(['one', 'two', 'three'])
    expect(shipper.status()).toMatchObject({
      state: 'ok',
      retries: 2,
      lagLines: 0,
      shippedLines: 3,
    })
  })

  it('waits longer each time, up to a minute, with full jitter', async () => {
    const timesMs: number[] = []
    fixture.sink.behave = (batch, signal) => {
      timesMs.push(fixture.clock.monotonic())
      return later()(batch, signal)
    }
    await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(300_000)
    const waits = timesMs.slice(1).map((ms, index) => ms - (timesMs[index] ?? 0))
    expect(waits.slice(0, 10)).toEqual([
      ...[250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
    ])
  })

  it('waits as long as the far side asks', async () => {
    fixture.sink.behave = first(later(20_000))
    await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(LIMITS.lingerMs + 19_999)
    expect(fixture.sink.lines).toEqual([])
    await fixture.clock.advance(1)
    expect(fixture.sink.lines).toEqual(['one'])
  })

  it('does not keep other sources from having their turn', async () => {
    fixture.sink.behave = (batch, signal) => {
      if (batch.entries[0]?.app === 'cursed') return later()(batch, signal)
    }
    await fixture.start()
    fixture.log.write('cursed@1.0.0', 'one')
    fixture.log.write(APP, ...numbered(30))
    await fixture.clock.advance(60_000)
    expect(fixture.sink.lines).toEqual(numbered(30))
  })

  it('is told once when it lasts, and once when it is over', async () => {
    await fixture.start()
    fixture.sink.behave = first(later())
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(5000)
    expect(fixture.logger.lines).toEqual([])
    fixture.sink.behave = later()
    fixture.log.write(APP, 'two')
    await fixture.clock.advance(600_000)
    expect(fixture.count('log-sink-unavailable')).toBe(1)
    fixture.sink.behave = () => undefined
    await fixture.clock.advance(60_000)
    expect(fixture.logger.lines.map(({ event }) => event)).toEqual([
      ...['log-sink-unavailable', 'log-sink-recovered'],
    ])
    expect(fixture.pauses).toEqual([])
  })
})

describe('a batch that is refused', () => {
  const refusing =
    (...lines: readonly string[]): Behaviour =>
    (batch, signal) => {
      if (batch.entries.some(({ line }) => lines.includes(line))) return refuse(batch, signal)
    }

  it('is halved down to the lines that are to blame, and the rest arrives in order', async () => {
    fixture.sink.behave = refusing('line 3', 'line 9')
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(12))
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.lines).toEqual(numbered(12).filter((line) => !/ [39]$/.test(line)))
    expect(fixture.letters).toMatchObject([
      { reason: 'never', entry: { line: 'line 3', seq: 3 } },
      { reason: 'never', entry: { line: 'line 9', seq: 9 } },
    ])
    expect(shipper.status()).toMatchObject({
      ...{ state: 'ok', lagLines: 0, shippedLines: 10, deadLines: 2, lostLines: 0, retries: 0 },
    })
    expect(fixture.count('log-sink-lines-refused')).toBe(1)
  })

  it('is halved again after a crash, each half under its own id', async () => {
    let tries = 0
    fixture.sink.behave = (batch, signal) => {
      tries += 1
      return tries <= 2 ? refuse(batch, signal) : hang(batch, signal)
    }
    await fixture.start()
    fixture.log.write(APP, ...numbered(8))
    await fixture.clock.advance(LIMITS.lingerMs)
    const before = fixture.sink.tries.at(-1)
    expect(sizes(fixture.sink.tries)).toEqual([8, 4, 2])
    await fixture.crash()
    fixture.sink.behave = () => undefined
    await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.batches[0]).toEqual(before)
    expect(fixture.sink.batches.map(seqsOf)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6, 7, 8],
    ])
  })

  it('is not told of lines of the daemon, which would be refused too', async () => {
    fixture.sink.behave = refuse
    await fixture.start()
    fixture.log.write('daemon', 'one', 'two')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.letters).toHaveLength(2)
    expect(fixture.logger.lines).toEqual([])
  })
})

describe('a sink that takes nothing from us', () => {
  it('is tried again after long, and told of once a change', async () => {
    fixture.sink.behave = deny
    const shipper = await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(1000)
    expect(shipper.status()).toMatchObject({ state: 'paused', reason: 'who are you?' })
    await fixture.clock.advance(3_600_000)
    expect(fixture.sink.tries.length).toBeGreaterThan(5)
    expect(fixture.sink.tries.length).toBeLessThan(20)
    fixture.sink.behave = later()
    await fixture.clock.advance(600_000)
    fixture.sink.behave = deny
    await fixture.clock.advance(600_000)
    expect(fixture.pauses).toEqual(['who are you?'])
    fixture.sink.behave = () => undefined
    await fixture.clock.advance(600_000)
    expect(fixture.pauses).toEqual(['who are you?', null])
    expect(fixture.sink.lines).toEqual(['one'])
  })

  it('is known over restarts', async () => {
    fixture.sink.behave = deny
    await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(60_000)
    await fixture.crash()
    await fixture.start()
    await fixture.clock.advance(60_000)
    fixture.sink.behave = () => undefined
    await fixture.clock.advance(60_000)
    expect(fixture.pauses).toEqual(['who are you?', null])
  })
})

describe('after a crash', () => {
  it('a batch comes again under its id, with its lines and no others', async () => {
    fixture.sink.behave = hang
    await fixture.start()
    fixture.log.write(APP, ...numbered(4))
    await fixture.clock.advance(LIMITS.lingerMs)
    const [before] = fixture.sink.tries
    fixture.log.write(APP, ...numbered(4, 5))
    await fixture.crash()
    fixture.sink.behave = () => undefined
    const shipper = await fixture.start()
    expect(shipper.status()).toMatchObject({ lagLines: 8 })
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.batches[0]).toEqual(before)
    expect(fixture.sink.lines).toEqual(numbered(8))
    expect(shipper.status()).toMatchObject({ lagLines: 0, shippedLines: 8 })
  })

  it('what was written meanwhile is shipped', async () => {
    await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(LIMITS.lingerMs)
    await fixture.crash()
    fixture.log.write(APP, 'two')
    fixture.log.write('new@1.0.0', 'three')
    await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.lines).toEqual(['one', 'two', 'three'])
  })
})

describe('lines that are gone', () => {
  it('from a frozen batch leave a smaller one under another id, and are counted', async () => {
    fixture.sink.behave = hang
    await fixture.start()
    fixture.log.write(APP, ...numbered(10))
    await fixture.clock.advance(LIMITS.lingerMs)
    await fixture.crash()
    fixture.log.drop(APP, 4)
    fixture.sink.behave = () => undefined
    const shipper = await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    const [batch] = fixture.sink.batches
    expect(batch?.id).not.toBe(fixture.sink.tries[0]?.id)
    expect(fixture.sink.lines).toEqual(numbered(6, 5))
    expect(shipper.status()).toMatchObject({ lagLines: 0, shippedLines: 6, lostLines: 4 })
    expect(fixture.logger.lines).toMatchObject([
      { event: 'log-sink-lines-lost', fields: { lines: 4, source: APP } },
    ])
  })

  it('before they were in a batch are counted, of a source that the sink never saw too', async () => {
    fixture.sink.behave = hang
    const shipper = await fixture.start()
    fixture.log.write('stuck@1.0.0', 'x')
    await fixture.clock.advance(LIMITS.lingerMs)
    fixture.log.write(APP, ...numbered(30))
    fixture.log.drop(APP, 30)
    fixture.log.write(APP, 'last')
    fixture.sink.behave = () => undefined
    await fixture.clock.advance(60_000)
    expect(fixture.sink.lines).toEqual(['x', 'last'])
    expect(shipper.status()).toMatchObject({ lagLines: 0, lostLines: 30 })
  })

  it('all of them leave nothing to wait for', async () => {
    fixture.sink.behave = first(refuse, refuse, later())
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(8))
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(sizes(fixture.sink.tries)).toEqual([8, 4, 2])
    fixture.log.drop(APP, 8)
    await fixture.clock.advance(LIMITS.lingerMs)
    // The batch that was in memory has got there.
    expect(shipper.status()).toMatchObject({ lagLines: 0, shippedLines: 2, lostLines: 6 })
  })

  it('of a log that began anew without another life are shipped from its start', async () => {
    await fixture.start()
    fixture.log.write('daemon', ...numbered(5))
    await fixture.clock.advance(LIMITS.lingerMs)
    await fixture.crash()
    fixture.log.remove('daemon')
    fixture.log.write('daemon', 'anew')
    await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    fixture.log.write('daemon', 'more')
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.batches.slice(1).map(seqsOf)).toEqual([[1], [2]])
  })
})

describe('a log that is removed', () => {
  it('is shipped before it goes', async () => {
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(15))
    const released = shipper.release(APP)
    await fixture.clock.advance(0)
    await released
    fixture.log.remove(APP)
    expect(fixture.sink.lines).toEqual(numbered(15))
    expect(shipper.status()).toMatchObject({ lagLines: 0, lostLines: 0 })
  })

  it('waits no longer than it must for a sink that is stuck, and what is left is counted', async () => {
    fixture.sink.behave = hang
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(15))
    await fixture.clock.advance(LIMITS.lingerMs)
    const released = shipper.release(APP)
    await fixture.clock.advance(LIMITS.drainMs)
    await released
    fixture.log.remove(APP)
    expect(shipper.status()).toMatchObject({ lagLines: 10, lostLines: 5 })
    // The batch that is in memory still gets there.
    fixture.sink.behave = () => undefined
    await fixture.clock.advance(60_000)
    expect(shipper.status()).toMatchObject({ lagLines: 0, shippedLines: 10, lostLines: 5 })
  })

  it('waits for no sink that is in trouble', async () => {
    fixture.sink.behave = later()
    const shipper = await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(LIMITS.lingerMs)
    await shipper.release(APP)
    fixture.log.remove(APP)
    await fixture.crash()
    fixture.sink.behave = () => undefined
    const next = await fixture.start()
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(next.status()).toMatchObject({ lagLines: 0, shippedLines: 0, lostLines: 1 })
  })

  it('counts nothing twice when a crash comes before it goes', async () => {
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(5))
    await fixture.clock.advance(LIMITS.lingerMs)
    await shipper.release(APP)
    await fixture.crash()
    const next = await fixture.start()
    await next.release(APP)
    fixture.log.remove(APP)
    await fixture.clock.advance(LIMITS.lingerMs)
    expect(fixture.sink.tries).toHaveLength(1)
    expect(next.status()).toMatchObject({ lagLines: 0, shippedLines: 5, lostLines: 0 })
  })

  it('leaves no trace in the ledger for long', async () => {
    const shipper = await fixture.start()
    for (const name of ['a@1.0.0', 'b@1.0.0', 'c@1.0.0']) {
      fixture.log.write(name, 'line')
      await fixture.clock.advance(LIMITS.lingerMs)
      await shipper.release(name)
      fixture.log.remove(name)
    }
    expect(fixture.disk).not.toContain('a@1.0.0')
    await fixture.crash()
    await fixture.start()
    expect(fixture.disk).not.toContain('@1.0.0')
  })

  it('begins anew as another life', async () => {
    const shipper = await fixture.start()
    for (const line of ['first life', 'second life']) {
      fixture.log.write(APP, line)
      await fixture.clock.advance(LIMITS.lingerMs)
      await shipper.release(APP)
      fixture.log.remove(APP)
    }
    expect(fixture.sink.lines).toEqual(['first life', 'second life'])
    expect(shipper.status()).toMatchObject({ lagLines: 0, lostLines: 0 })
  })
})

describe('stop', () => {
  it('ships what is there', async () => {
    const shipper = await fixture.start()
    fixture.log.write(APP, ...numbered(25))
    const stopped = shipper.stop()
    await fixture.clock.advance(0)
    await stopped
    await shipper.stop()
    expect(fixture.sink.lines).toEqual(numbered(25))
  })

  it('waits no longer than it must, and aborts what is under way', async () => {
    let signal: AbortSignal | undefined
    fixture.sink.behave = (batch, given) => {
      signal = given
      return hang(batch, given)
    }
    const shipper = await fixture.start()
    fixture.log.write(APP, 'one')
    await fixture.clock.advance(LIMITS.lingerMs)
    const stopped = shipper.stop()
    await fixture.clock.advance(LIMITS.drainMs)
    await stopped
    expect(signal?.aborted).toBe(true)
  })
})

it('says what waits, and for how long', async () => {
  fixture.sink.behave = later()
  const shipper = await fixture.start()
  const writtenMs = fixture.clock.now()
  fixture.log.write(APP, ...numbered(13))
  await fixture.clock.advance(10_000)
  expect(shipper.status()).toMatchObject({
    ...{ name: 'fake', kinds: ['app', 'daemon'], state: 'retrying', reason: 'busy' },
    ...{ sinceMs: writtenMs + LIMITS.lingerMs, lagLines: 13, oldestMs: writtenMs },
  })
  expect(shipper.status().nextTryMs).toBeGreaterThan(fixture.clock.now())
  fixture.sink.behave = () => undefined
  await fixture.clock.advance(60_000)
  expect(shipper.status()).toEqual({
    ...{ name: 'fake', kinds: ['app', 'daemon'], state: 'ok' },
    ...{ sinceMs: null, reason: null, nextTryMs: null, lagLines: 0, oldestMs: null },
    ...{ shippedLines: 13, shippedBytes: 82, retries: 6, deadLines: 0, lostLines: 0 },
  })
})

it('needs what is not shipped, and nothing else', async () => {
  const shipper = await fixture.start()
  fixture.log.write(APP, ...numbered(5))
  const life = { source: APP, instance: 'life-1' }
  expect(shipper.neededFrom(life)).toBe(1)
  await fixture.clock.advance(LIMITS.lingerMs)
  expect(shipper.neededFrom(life)).toBe(6)
  fixture.sink.behave = later()
  fixture.log.write(APP, ...numbered(5, 6))
  await fixture.clock.advance(LIMITS.lingerMs)
  expect(shipper.neededFrom(life)).toBe(6)
})

it('is not held up by the sink of another', async () => {
  const other = new ScriptedSink()
  other.behave = hang
  await fixture.start()
  await new Fixture(fixture.clock).start({ sink: other, catalog: fixture.log })
  fixture.log.write(APP, ...numbered(30))
  await fixture.clock.advance(LIMITS.lingerMs)
  expect(fixture.sink.lines).toEqual(numbered(30))
  expect(other.tries).toHaveLength(1)
})
