import { describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'

describe('FakeClock', () => {
  it('wakes sleepers in the order of their times', async () => {
    const clock = new FakeClock()
    const woken: string[] = []
    const sleeps = [
      clock.sleep(20).then(() => woken.push('late')),
      clock.sleep(10).then(() => woken.push('early')),
    ]
    await clock.advance(10)
    expect(woken).toEqual(['early'])
    await clock.advance(10)
    await Promise.all(sleeps)
    expect(woken).toEqual(['early', 'late'])
  })

  it('lets the wall clock jump without waking anybody', async () => {
    const clock = new FakeClock(1000)
    const sleep = clock.sleep(50)
    clock.setWall(9_000_000)
    expect(clock.sleeping).toBe(1)
    expect(clock.now()).toBe(9_000_000)
    await clock.advance(50)
    await expect(sleep).resolves.toBeUndefined()
    expect(clock.monotonic()).toBe(50)
  })

  it('rejects a sleep that is aborted', async () => {
    const clock = new FakeClock()
    const stop = new AbortController()
    const sleep = clock.sleep(50, stop.signal)
    stop.abort(new Error('up'))
    await expect(sleep).rejects.toThrow('up')
    expect(clock.sleeping).toBe(0)
  })
  it('does not begin a sleep whose signal has aborted', async () => {
    const clock = new FakeClock()
    await expect(clock.sleep(50, AbortSignal.abort(new Error('up')))).rejects.toThrow('up')
    expect(clock.sleeping).toBe(0)
  })

  it('wakes one who sleeps again at the right times, within one advance', async () => {
    const clock = new FakeClock(1000)
    const wakes: [number, number][] = []
    const loop = async (): Promise<void> => {
      for (let round = 0; round < 3; round += 1) {
        await clock.sleep(10)
        wakes.push([clock.monotonic(), clock.now()])
      }
    }
    const looping = loop()
    await clock.advance(100)
    await looping
    expect(wakes).toEqual([
      [10, 1010],
      [20, 1020],
      [30, 1030],
    ])
    expect([clock.monotonic(), clock.now()]).toEqual([100, 1100])
  })

  it('stands still by itself', async () => {
    const clock = new FakeClock(1000)
    await new Promise((resolve) => setImmediate(resolve))
    expect([clock.monotonic(), clock.now()]).toEqual([0, 1000])
  })
})
