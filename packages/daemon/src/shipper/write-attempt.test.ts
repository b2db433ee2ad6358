import { PlaygroundError, systemClock } from '@p2p-playground/core'
import type { LogSink } from '@p2p-playground/core'
import { FakeClock } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import { writeOnce } from './write-attempt.js'
import type { WriteOutcome } from './write-attempt.js'

const BATCH = { id: 'b', entries: [] }
const forever = new AbortController().signal

async function outcomeOf(write: LogSink['write'], signal = forever): Promise<WriteOutcome> {
  return writeOnce({ write }, BATCH, { clock: systemClock, limitMs: 10_000 }, signal)
}

function throwing(error: unknown): LogSink['write'] {
  return () => {
    throw error
  }
}

const unreadable = new Error('x')
Object.defineProperty(unreadable, 'message', {
  get: () => {
    throw new Error('no message for you')
  },
})

describe('a try', () => {
  it.each<[string, LogSink['write'], WriteOutcome]>([
    ['is stored', () => Promise.resolve(), { kind: 'stored' }],
    [
      'is refused',
      throwing(new PlaygroundError('SINK_REFUSED', 'never')),
      { kind: 'refused', reason: 'never' },
    ],
    [
      'is denied',
      throwing(new PlaygroundError('SINK_DENIED', 'who?')),
      { kind: 'denied', reason: 'who?' },
    ],
    [
      'is for later, when the far side says',
      throwing(new PlaygroundError('SINK_UNAVAILABLE', 'x', { details: { retryAfterMs: 7 } })),
      { kind: 'unavailable', reason: 'x', askedMs: 7 },
    ],
    [
      'is for later whatever time is asked for that is none',
      throwing(new PlaygroundError('SINK_UNAVAILABLE', 'x', { details: { retryAfterMs: NaN } })),
      { kind: 'unavailable', reason: 'x' },
    ],
    [
      'is for later with the cause that fetch has',
      throwing(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })),
      { kind: 'unavailable', reason: 'fetch failed: connect ECONNREFUSED' },
    ],
    [
      'is for later with a code that is no business of a sink',
      throwing(new PlaygroundError('INTERNAL', 'bug')),
      { kind: 'unavailable', reason: 'bug' },
    ],
    [
      'is for later with no error at all',
      throwing(undefined),
      { kind: 'unavailable', reason: 'undefined' },
    ],
    [
      'is for later with an error that cannot be read',
      throwing(unreadable),
      { kind: 'unavailable', reason: 'it threw what cannot be read' },
    ],
    [
      'keeps no more of a reason than fits',
      throwing(new Error('x'.repeat(9999))),
      { kind: 'unavailable', reason: 'x'.repeat(500) },
    ],
  ])('%s', async (_, write, outcome) => {
    expect(await outcomeOf(write)).toEqual(outcome)
  })

  it('does not begin once it is aborted', async () => {
    let tries = 0
    const write = (): Promise<void> => {
      tries += 1
      return Promise.resolve()
    }
    expect(await outcomeOf(write, AbortSignal.abort())).toEqual({ kind: 'aborted' })
    expect(tries).toBe(0)
  })

  it('is over when it is aborted, and tells the sink', async () => {
    const stop = new AbortController()
    let heard: AbortSignal | undefined
    const trying = outcomeOf((_, signal) => {
      heard = signal
      return new Promise(() => undefined)
    }, stop.signal)
    stop.abort()
    expect(await trying).toEqual({ kind: 'aborted' })
    expect(heard?.aborted).toBe(true)
  })

  it('is over at its limit, and leaves no timer behind when it is in time', async () => {
    const clock = new FakeClock()
    const limits = { clock, limitMs: 30_000 }
    const hanging = { write: () => new Promise<void>(() => undefined) }
    const trying = writeOnce(hanging, BATCH, limits, forever)
    await clock.advance(30_000)
    expect(await trying).toEqual({ kind: 'unavailable', reason: 'no answer within 30s' })
    await writeOnce({ write: () => Promise.resolve() }, BATCH, limits, forever)
    expect(clock.sleeping).toBe(0)
  })
})
