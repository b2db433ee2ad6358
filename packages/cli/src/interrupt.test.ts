import { systemClock } from '@p2p-playground/core'
import { waitFor } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import { Interrupt } from './interrupt.js'

it('aborts with the reason when the time is over', async () => {
  const interrupt = new Interrupt()
  interrupt.limit(1)
  await waitFor('the limit', () => interrupt.signal.aborted)
  expect(interrupt.signal.reason).toMatchObject({
    code: 'APP_WAIT_TIMEOUT',
    message: 'not done within 1ms',
  })
})

it.each([
  ['that was lifted', 5, true],
  ['of more days than a timer of Node has', 30 * 86_400_000, false],
])('does nothing at the end of a limit %s', async (_what, limitMs, isLifted) => {
  const interrupt = new Interrupt()
  const lift = interrupt.limit(limitMs)
  if (isLifted) lift()
  // Timers fire in the order of their time.
  await systemClock.sleep(20)
  expect(interrupt.signal.aborted).toBe(false)
  lift()
})
