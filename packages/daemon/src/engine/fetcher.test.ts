import { createPrivateKey } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  buildPieceList,
  generateSigningKey,
  packDirectory,
  signingKeyOf,
  trustedKey,
} from '@p2p-playground/core/bundle'
import { FakeClock } from '@p2p-playground/testkit'
import { Fetcher } from './fetcher.js'
import type { FetchJob, PieceFetcher } from './fetcher.js'
import { PackageStore } from './package-store.js'

const pair = generateSigningKey('ed25519')
const key = signingKeyOf(createPrivateKey(pair.privatePem), 'test')
const trusted = trustedKey({
  name: 'lead',
  key_type: 'ed25519',
  public_key: pair.publicPem,
  roles: ['publish'],
  apps: ['*'],
})
const forever = new AbortController().signal

let root: string
let packages: PackageStore
let job: FetchJob
let sound: Buffer

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-fetcher-'))
  packages = new PackageStore({
    apps: join(root, 'apps'),
    stage: join(root, 'stage'),
    incoming: join(root, 'incoming'),
    packages: join(root, 'packages'),
    quarantine: join(root, 'quarantine'),
  })
  await packages.prepare()
  const dir = join(root, 'web')
  mkdirSync(dir)
  writeFileSync(join(dir, 'manifest.yaml'), 'name: web\nversion: 1.0.0\nentrypoint: run\n')
  writeFileSync(join(dir, 'run'), '#!/bin/sh\n', { mode: 0o755 })
  const path = join(root, 'web.p2p')
  const { id } = await packDirectory({ dir, outPath: path, key })
  sound = readFileSync(path)
  const list = await buildPieceList(path)
  job = { id, list, sources: ['controller'], allowDowngrade: false, by: 'controller' }
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

/** Its transfers bring what `bring` gives, and tell whether pieces were to be checked. */
function fetcherOf(bring: (unchecked: boolean) => Buffer): {
  readonly fetcher: Fetcher
  readonly ways: boolean[]
} {
  const ways: boolean[] = []
  const pieces: PieceFetcher = {
    fetchPieces: async ({ partPath, reader, unchecked }) => {
      ways.push(unchecked)
      const bytes = bring(unchecked)
      writeFileSync(partPath, bytes)
      await reader(bytes)
    },
  }
  const clock = new FakeClock()
  return {
    fetcher: new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock }),
    ways,
  }
}

function spoilt(): Buffer {
  const bytes = Buffer.from(sound)
  const middle = Math.floor(bytes.length / 2)
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
  return bytes
}

async function fetched(fetcher: Fetcher, what = job): Promise<{ readonly signedBy: string }> {
  return fetcher.fetch(what, () => undefined, forever)
}

describe('a package that is fetched', () => {
  it('is checked as a whole where the one who asks for it is the only source', async () => {
    const { fetcher, ways } = fetcherOf(() => sound)
    expect(await fetched(fetcher)).toMatchObject({ signedBy: 'lead' })
    expect(ways).toEqual([true])
  })

  it('is checked piece by piece where others send it too', async () => {
    const { fetcher, ways } = fetcherOf(() => sound)
    await fetched(fetcher, { ...job, sources: ['controller', 'other'] })
    expect(ways).toEqual([false])
  })

  it('with a bad piece is fetched again, piece by piece', async () => {
    const { fetcher, ways } = fetcherOf((unchecked) => (unchecked ? spoilt() : sound))
    expect(await fetched(fetcher)).toMatchObject({ signedBy: 'lead' })
    expect(ways).toEqual([true, false])
  })

  it('that was bad from the beginning is refused, and not kept', async () => {
    const { fetcher } = fetcherOf(spoilt)
    await expect(fetched(fetcher)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
    expect(existsSync(packages.partPath(job.id, job.list.digest))).toBe(false)
  })

  it('stays what was verified, whatever comes of the same pieces under another name meanwhile', async () => {
    const dir = join(root, 'evil')
    mkdirSync(dir)
    writeFileSync(join(dir, 'manifest.yaml'), 'name: web\nversion: 1.0.0\nentrypoint: evil\n')
    writeFileSync(join(dir, 'evil'), '#!/bin/sh\n', { mode: 0o755 })
    const outPath = join(root, 'evil.p2p')
    const stranger = signingKeyOf(createPrivateKey(generateSigningKey('ed25519').privatePem), 'x')
    await packDirectory({ dir, outPath, key: stranger })
    const other = { ...job, id: { ...job.id, app: 'other' } }
    const pieces: PieceFetcher = {
      fetchPieces: async ({ partPath, sources, reader }) => {
        if (sources.includes('stranger')) {
          writeFileSync(partPath, readFileSync(outPath))
          throw new Error('gone')
        }
        writeFileSync(partPath, sound)
        await reader(sound)
        const late = { ...other, sources: ['stranger'], by: 'stranger' }
        await expect(fetched(fetcher, late)).rejects.toThrow('gone')
      },
    }
    const clock = new FakeClock()
    const fetcher = new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock })
    const { manifestText } = await fetcher.fetch(job, () => undefined, forever)
    expect(manifestText).toContain('entrypoint: run')
  })

  it('is told where the package lies on this machine, also when it is fetched again', async () => {
    const told: (string | undefined)[] = []
    const pieces: PieceFetcher = {
      fetchPieces: async ({ partPath, localPath, reader, unchecked }) => {
        told.push(localPath)
        const bytes = unchecked ? spoilt() : sound
        writeFileSync(partPath, bytes)
        await reader(bytes)
      },
    }
    const clock = new FakeClock()
    const fetcher = new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock })
    await fetched(fetcher, { ...job, localPath: '/somewhere' })
    expect(told).toEqual(['/somewhere', '/somewhere'])
  })
})
