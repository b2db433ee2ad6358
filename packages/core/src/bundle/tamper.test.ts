import { describe, expect, it } from 'vitest'
import { archiveWith, TRUSTED, scratch, signedPackage } from './signed.test.support.js'
import { isPlaygroundError } from '../errors.js'
import { verifyBundle } from './verify.js'

/** Numbers that are the same at every run (Park and Miller's generator). */
function seeded(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
}

async function refusals(
  bytes: Buffer,
  places: Iterable<number>,
  change: (byte: number) => number,
): Promise<number[]> {
  const place = scratch()
  const accepted: number[] = []
  try {
    for (const index of places) {
      const before = bytes[index] ?? 0
      bytes[index] = change(before)
      const path = place.file('changed.p2p', bytes)
      try {
        await verifyBundle({ path, trusted: [TRUSTED], nowMs: 0 })
        accepted.push(index)
      } catch (error) {
        if (!isPlaygroundError(error)) throw error
        if (error.row.exit !== 6) throw error
      }
      bytes[index] = before
    }
  } finally {
    place.remove()
  }
  return accepted
}

describe('a package with one byte changed is refused', () => {
  it('at every byte of a small one', async () => {
    const bytes = await signedPackage(archiveWith())
    const all = bytes.keys()
    expect(await refusals(bytes, all, (byte) => byte ^ 0x01)).toEqual([])
  }, 120_000)

  it('at 10,000 places of a large one, to any other value', async () => {
    const random = seeded(20_261_124)
    const body = Buffer.from(Array.from({ length: 200_000 }, () => random(256)))
    const bytes = await signedPackage(archiveWith({ name: 'data', body }))
    const places = Array.from({ length: 10_000 }, () => random(bytes.length))
    expect(await refusals(bytes, places, (byte) => (byte + 1 + random(255)) % 256)).toEqual([])
  }, 120_000)
})
