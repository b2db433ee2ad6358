import { expect, it } from 'vitest'
import { waitFor } from './wait-for.js'

it.each([undefined, null, false, 0, '', Number.NaN])('%o is not yet it', async (nothing) => {
  const results = [nothing, Promise.resolve(nothing), 'here']
  expect(await waitFor('it', () => results.shift())).toBe('here')
  expect(results).toEqual([])
})

it('what does not come is named', async () => {
  const waiting = waitFor('the train', () => null, 20)
  await expect(waiting).rejects.toThrow('waited 20 ms for the train')
})
