import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ignoreAbort, untilAborted } from './abort.js'

const never = new Promise<never>(() => undefined)
const reason = new Error('enough')

describe('untilAborted', () => {
  it('gives what the promise gives, and listens no longer', async () => {
    const { signal } = new AbortController()
    expect(await untilAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends with the reason when the signal aborts, and leaves no rejection behind', async () => {
    const stop = new AbortController()
    const late = Promise.withResolvers<never>()
    const waiting = untilAborted(late.promise, stop.signal)
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    late.reject(new Error('late'))
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })

  it.each([
    ['never settles', () => never],
    ['has its value', async () => Promise.resolve(1)],
    ['fails', async () => Promise.reject(new Error('no'))],
  ])(
    'ends with the reason when the signal had aborted and the promise %s',
    async (_what, promised) => {
      await expect(untilAborted<unknown>(promised(), AbortSignal.abort(reason))).rejects.toBe(
        reason,
      )
    },
  )
})

it('ignoreAbort passes over nothing but an abort', () => {
  const stop = new AbortController()
  const ignore = ignoreAbort(stop.signal)
  expect(() => {
    ignore(reason)
  }).toThrow(reason)
  stop.abort()
  expect(() => {
    ignore(reason)
  }).not.toThrow()
})
