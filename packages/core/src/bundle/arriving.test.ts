import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ArrivingBundle } from './arriving.js'
import { DEFAULT_CAPS } from './entry-rules.js'
import { TRUSTED, archiveWith, signedPackage } from './signed.test.support.js'

const TRUST = { trusted: [TRUSTED], nowMs: 0 }
const archive = archiveWith({ name: 'data', body: randomBytes(200_000) })
const bytes = await signedPackage(archive)

function arriving(sizeBytes = bytes.length): ArrivingBundle {
  return new ArrivingBundle({ path: 'app.p2p', sizeBytes }, TRUST)
}

/** Gives `all` in parts, each overwritten as soon as it was taken. */
async function give(bundle: ArrivingBundle, all: Uint8Array, partBytes: number): Promise<void> {
  const part = Buffer.alloc(partBytes)
  for (let start = 0; start < all.length; start += partBytes) {
    const length = part.write(
      Buffer.from(all).toString('latin1', start, start + partBytes),
      'latin1',
    )
    await bundle.take(part.subarray(0, length))
    part.fill(0xff)
  }
}

describe('a package that arrives', () => {
  it.each([511, 4096, 1_000_000])('is found signed, in parts of %d bytes', async (partBytes) => {
    const bundle = arriving()
    await give(bundle, bytes, partBytes)
    const signed = await bundle.finish()
    expect(signed).toMatchObject({ signedBy: TRUSTED, archiveBytes: archive.length })
  })

  it('with one byte changed is refused', async () => {
    const bundle = arriving()
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(100_000) ^ 1, 100_000)
    await give(bundle, changed, 4096)
    await expect(bundle.finish()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
  })

  it('that is no package is taken to its end and then refused', async () => {
    const bundle = arriving()
    await give(bundle, randomBytes(bytes.length), 4096)
    await expect(bundle.finish()).rejects.toMatchObject({ code: 'BUNDLE_OUTER' })
  })

  it('that ends too early is refused', async () => {
    const bundle = arriving()
    await give(bundle, bytes.subarray(0, 100_000), 4096)
    await expect(bundle.finish()).rejects.toMatchObject({ code: 'BUNDLE_TRUNCATED' })
  })

  it('that is too large is refused, whatever it is', async () => {
    const bundle = arriving(DEFAULT_CAPS.maxFileBytes + 1)
    await give(bundle, bytes, 4096)
    await expect(bundle.finish()).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' })
  })
})
