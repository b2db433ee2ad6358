import { beforeEach, describe, expect, it } from 'vitest'
import {
  APP,
  Fixture,
  LIMITS,
  first,
  hang,
  later,
  numbered,
  refuse,
  seqsOf,
  sizes,
} from './shipper.test.support.js'

let fixture: Fixture

beforeEach(() => {
  fixture = new Fixture()
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
