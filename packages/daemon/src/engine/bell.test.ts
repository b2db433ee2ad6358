import { describe, expect, it } from 'vitest'
import { Bell } from './bell.js'

const never = new AbortController().signal

describe('Bell', () => {
  it('wakes everyone who waits', async () => {
    const bell = new Bell()
    const waits = [bell.after(0, never), bell.after(0, never)]
    bell.ring()
    await expect(Promise.all(waits)).resolves.toHaveLength(2)
  })

  it('does not lose a ring between two waits', async () => {
    const bell = new Bell()
    const seen = bell.count
    bell.ring()
    await expect(bell.after(seen, never)).resolves.toBeUndefined()
  })

  it('rejects with the reason of the abort', async () => {
    const bell = new Bell()
    const stop = new AbortController()
    const wait = bell.after(0, stop.signal)
    stop.abort(new Error('enough'))
    await expect(wait).rejects.toThrow('enough')
    await expect(bell.after(0, stop.signal)).rejects.toThrow('enough')
  })
})
