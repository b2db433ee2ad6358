import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { ErrorCode } from '../errors.js'
import type { BundleCaps } from './entry-rules.js'
import { TRUSTED, scratch } from './signed.test.support.js'
import { unpackBundle } from './verify.js'

/** Refused, with this code, and with nothing left in the stage or beside it. */
export async function expectRefusal(
  bytes: Buffer,
  code: ErrorCode,
  caps?: BundleCaps,
): Promise<void> {
  const place = scratch()
  try {
    const path = place.file('hostile.p2p', bytes)
    const stageRoot = join(place.dir, 'deep', 'er', 'stage')
    mkdirSync(stageRoot, { recursive: true })
    await expect(
      unpackBundle({ path, trusted: [TRUSTED], nowMs: 0, stageRoot, caps }),
    ).rejects.toMatchObject({ code })
    expect(readdirSync(stageRoot)).toEqual([])
    expect(readdirSync(place.dir).sort()).toEqual(['deep', 'hostile.p2p'])
    expect(readdirSync(join(place.dir, 'deep'))).toEqual(['er'])
    expect(existsSync('/escaped')).toBe(false)
  } finally {
    place.remove()
  }
}
