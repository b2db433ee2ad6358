import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateSigningKey, loadSigningKey, trustedKey, writeSigningKey } from './keys.js'
import { packDirectory } from './pack.js'
import { readArchive } from './outer.js'
import { rawEntry } from './raw-tar.test.support.js'
import { scratch } from './signed.test.support.js'
import type { KeyType } from './types.js'
import { verifyBundle } from './verify.js'

let place: ReturnType<typeof scratch>

beforeEach(() => {
  place = scratch()
})

afterEach(() => {
  place.remove()
})

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const PSS = ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']

/** The command of docs/package-format.md for each algorithm. */
function verifyCommand(
  type: KeyType,
  pub: string,
  signature: string,
  archive: string,
  digest: string,
): string[] {
  return type === 'ed25519'
    ? [
        'pkeyutl',
        '-verify',
        '-rawin',
        '-pubin',
        '-inkey',
        pub,
        '-sigfile',
        signature,
        '-in',
        digest,
      ]
    : ['dgst', ...PSS, '-verify', pub, '-signature', signature, archive]
}

function signCommand(
  type: KeyType,
  key: string,
  signature: string,
  archive: string,
  digest: string,
): string[] {
  return type === 'ed25519'
    ? ['pkeyutl', '-sign', '-rawin', '-inkey', key, '-out', signature, '-in', digest]
    : ['dgst', ...PSS, '-sign', key, '-out', signature, archive]
}

async function packed(
  type: KeyType,
): Promise<{ path: string; pub: string; archive: string; digest: string }> {
  const { keyPath, pubPath } = await writeSigningKey(
    join(place.dir, 'keys'),
    generateSigningKey(type),
  )
  const dir = join(place.dir, 'app')
  mkdirSync(dir)
  writeFileSync(join(dir, 'manifest.yaml'), 'name: app\nversion: 1.0.0\nentrypoint: run\n')
  writeFileSync(join(dir, 'run'), '#!/bin/sh\n', { mode: 0o755 })
  const path = join(place.dir, 'app.p2p')
  await packDirectory({ dir, outPath: path, key: await loadSigningKey(keyPath) })
  const parts: Uint8Array[] = []
  for await (const part of readArchive(path)) parts.push(Uint8Array.from(part))
  const archive = place.file('app.tar.gz', Buffer.concat(parts))
  const digest = place.file('digest', createHash('sha256').update(readFileSync(archive)).digest())
  return { path, pub: pubPath, archive, digest }
}

describe.each(['ed25519', 'rsa'] as const)('%s', (type) => {
  it('openssl verifies a signature of ours', async () => {
    const { path, pub, archive, digest } = await packed(type)
    const signature = place.file(
      'app.tar.gz.sig',
      execFileSync('tar', ['-xOf', path, 'app.tar.gz.sig']),
    )
    expect(openssl(...verifyCommand(type, pub, signature, archive, digest))).toMatch(
      /Verified OK|Verified Successfully/,
    )
  })

  it('a signature that openssl made is good here', async () => {
    const { archive, digest } = await packed(type)
    const key = join(place.dir, 'o.key')
    const pub = join(place.dir, 'o.pub')
    const algorithm = type === 'ed25519' ? ['ED25519'] : ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
    openssl('genpkey', '-algorithm', ...algorithm, '-out', key)
    openssl('pkey', '-in', key, '-pubout', '-out', pub)
    const signature = join(place.dir, 'o.sig')
    openssl(...signCommand(type, key, signature, archive, digest))
    const file = Buffer.concat([
      rawEntry({ name: 'app.tar.gz.sig', body: readFileSync(signature) }),
      rawEntry({ name: 'app.tar.gz', body: readFileSync(archive) }),
      Buffer.alloc(1024),
    ])
    const path = place.file('o.p2p', file)
    const trusted = [
      trustedKey({
        name: 'openssl',
        key_type: type,
        public_key: pub,
        roles: ['publish'],
        apps: ['*'],
      }),
    ]
    await expect(verifyBundle({ path, trusted, nowMs: 0 })).resolves.toMatchObject({
      id: { app: 'app' },
    })
  })
})

it('refuses an RSA signature with the padding of PKCS#1 v1.5 or another salt', async () => {
  const { archive, pub } = await packed('rsa')
  const key = join(place.dir, 'keys', 'signing.key')
  const trusted = [
    trustedKey({ name: 'rsa', key_type: 'rsa', public_key: pub, roles: ['publish'], apps: ['*'] }),
  ]
  const odd = [
    ['-sha256'],
    ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:20'],
  ]
  for (const options of odd) {
    const signature = join(place.dir, 'odd.sig')
    openssl('dgst', ...options, '-sign', key, '-out', signature, archive)
    const file = Buffer.concat([
      rawEntry({ name: 'app.tar.gz.sig', body: readFileSync(signature) }),
      rawEntry({ name: 'app.tar.gz', body: readFileSync(archive) }),
      Buffer.alloc(1024),
    ])
    const path = place.file('odd.p2p', file)
    await expect(verifyBundle({ path, trusted, nowMs: 0 })).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    })
  }
})
