import { gzipSync } from 'node:zlib'
import { describe, it } from 'vitest'
import { expectRefusal } from './hostile.test.support.js'
import { rawTar } from './raw-tar.test.support.js'
import { PROGRAM, signedPackage } from './signed.test.support.js'

const manifest = (content: string): Buffer =>
  gzipSync(rawTar([{ name: 'manifest.yaml', body: Buffer.from(content) }, PROGRAM]))

const ARCHIVES: [string, () => Buffer][] = [
  ['no manifest', () => gzipSync(rawTar([PROGRAM]))],
  [
    'a manifest that is a symlink',
    () => gzipSync(rawTar([{ name: 'manifest.yaml', type: '2', link: 'bin/run' }, PROGRAM])),
  ],
  ['a manifest of 300 KiB', () => manifest(`name: app\n#${'x'.repeat(300_000)}\n`)],
  ['a manifest with aliases', () => manifest('a: &a [x]\nname: *a\n')],
  [
    'a manifest with an unknown key',
    () => manifest('name: app\nversion: 1.0.0\nentrypoint: bin/run\nnmae: x\n'),
  ],
  [
    'an entrypoint that is not there',
    () => manifest('name: app\nversion: 1.0.0\nentrypoint: bin/other\n'),
  ],
  [
    'a hook that is not there',
    () =>
      manifest('name: app\nversion: 1.0.0\nentrypoint: bin/run\nscripts: { pre_start: pre.sh }\n'),
  ],
  [
    'a work_dir that is not there',
    () => manifest('name: app\nversion: 1.0.0\nentrypoint: bin/run\nwork_dir: data\n'),
  ],
  [
    'a secret that is no env entry',
    () => manifest('name: app\nversion: 1.0.0\nentrypoint: bin/run\nsecrets: [TOKEN]\n'),
  ],
  [
    'a reference to a port that it does not have',
    () => manifest("name: app\nversion: 1.0.0\nentrypoint: bin/run\nargs: ['${port.web}']\n"),
  ],
  [
    'an entrypoint outside',
    () => manifest('name: app\nversion: 1.0.0\nentrypoint: ../../bin/sh\n'),
  ],
  ['a name that is a path', () => manifest('name: ../app\nversion: 1.0.0\nentrypoint: bin/run\n')],
  [
    'a version that is a path',
    () => manifest('name: app\nversion: 1.0.0/../..\nentrypoint: bin/run\n'),
  ],
]

describe('a signed package is refused whole', () => {
  it.each(ARCHIVES)('with %s: BUNDLE_MANIFEST', async (_name, archive) => {
    await expectRefusal(await signedPackage(archive()), 'BUNDLE_MANIFEST')
  })
})
