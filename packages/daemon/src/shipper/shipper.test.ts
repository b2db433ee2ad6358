import { beforeEach, describe, expect, it } from 'vitest'
import {
  APP,
  Fixture,
  LIMITS,
  ScriptedSink,
  hang,
  later,
  numbered,
  sizes,
} from './shipper.test.support.js'

let fixture: Fixture

beforeEach(() => {
  fixture = new Fixture()
})

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
