import { beforeEach, describe, expect, it } from 'vitest'
import {
  APP,
  Fixture,
  LIMITS,
  deny,
  first,
  hang,
  later,
  numbered,
  refuse,
  seqsOf,
  sizes,
} from './shipper.test.support.js'
import type { Behaviour } from './shipper.test.support.js'

let fixture: Fixture

beforeEach(() => {
  fixture = new Fixture()
})

describe('a batch that fails', () => {
  it.each<[string, Behaviour]>([
    ['does not get through', later()],
    [
      'throws what is no error',
      async () => {
        AbortSignal.abort('oops').throwIfAborted()
        return Promise.resolve()
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
