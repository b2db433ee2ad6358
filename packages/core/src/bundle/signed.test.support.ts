import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { generateSigningKey, signingKeyOf, trustedKey } from './keys.js'
import { signArchive } from './signature.js'
import type { SigningKey, TrustedKey } from './types.js'
import { rawEntry, rawTar } from './raw-tar.test.support.js'
import type { RawEntry } from './raw-tar.test.support.js'

const pair = generateSigningKey('ed25519')

export const KEY: SigningKey = signingKeyOf(createPrivateKey(pair.privatePem), 'test key')
export const TRUSTED: TrustedKey = trustedKey({
  name: 'tester',
  key_type: 'ed25519',
  public_key: pair.publicPem,
  roles: ['publish'],
  apps: ['*'],
})

export const MANIFEST: RawEntry = {
  name: 'manifest.yaml',
  body: Buffer.from('name: app\nversion: 1.0.0\nentrypoint: bin/run\n'),
}
export const PROGRAM: RawEntry = { name: 'bin/run', mode: 0o755, body: Buffer.from('#!/bin/sh\n') }

/** A package that is signed by KEY, whatever its archive holds. */
export async function signedPackage(archive: Buffer): Promise<Buffer> {
  const { signature } = await signArchive(KEY, chunksOf(archive))
  return Buffer.concat([
    rawEntry({ name: 'app.tar.gz.sig', body: signature }),
    rawEntry({ name: 'app.tar.gz', body: archive }),
    Buffer.alloc(1024),
  ])
}

/** An archive with a sound manifest and program beside the given entries. */
export function archiveWith(...entries: RawEntry[]): Buffer {
  return gzipSync(rawTar([MANIFEST, PROGRAM, ...entries]))
}

export async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}

/** A directory of its own for one test. */
export function scratch(): {
  readonly dir: string
  file(name: string, content: Buffer | string): string
  remove(): void
} {
  const dir = mkdtempSync(join(tmpdir(), 'p2pp-bundle-'))
  return {
    dir,
    file: (name, content) => {
      const path = join(dir, name)
      writeFileSync(path, content)
      return path
    },
    remove: () => {
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
