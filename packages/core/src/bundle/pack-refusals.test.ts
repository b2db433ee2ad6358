import { execFileSync } from 'node:child_process'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packDirectory } from './pack.js'
import { appsOfEachTest, rewrite } from './pack.test.support.js'

const { app, inRoot } = appsOfEachTest()

describe('packDirectory', () => {
  it.each<[string, (dir: string) => void, RegExp]>([
    [
      'a missing manifest',
      (dir) => {
        rmSync(join(dir, 'manifest.yaml'))
      },
      /there is no .*manifest\.yaml/,
    ],
    [
      'a manifest that is a fifo',
      (dir) => {
        rmSync(join(dir, 'manifest.yaml'))
        execFileSync('mkfifo', [join(dir, 'manifest.yaml')])
      },
      /manifest\.yaml is not a regular file/,
    ],
    [
      'a manifest that is a symlink',
      (dir) => {
        renameSync(join(dir, 'manifest.yaml'), join(dir, 'app.yaml'))
        symlinkSync('app.yaml', join(dir, 'manifest.yaml'))
      },
      /manifest\.yaml is a symlink/,
    ],
    [
      'a missing entrypoint',
      (dir) => {
        rmSync(join(dir, 'bin/run'))
      },
      /entrypoint .* is no file/,
    ],
    [
      'an entrypoint that leads nowhere',
      (dir) => {
        rmSync(join(dir, 'bin/run'))
        symlinkSync('../manifest.yaml/../none', join(dir, 'bin/run'))
      },
      /entrypoint .* is no file/,
    ],
    [
      'an entrypoint with the line ends of Windows',
      (dir) => {
        writeFileSync(join(dir, 'bin/run'), '#!/bin/sh -e\r\nexec sleep 60\r\n')
      },
      /first line of the entrypoint "bin\/run" ends with a carriage return, .* finds \/bin\/sh -e$/,
    ],
    [
      'a hook with the line ends of Windows, behind a symlink',
      (dir) => {
        rewrite('entrypoint: bin/run\nscripts: { pre_start: pre }')(dir)
        writeFileSync(join(dir, 'pre.sh'), '#!/bin/sh\r\n')
        symlinkSync('pre.sh', join(dir, 'pre'))
      },
      /first line of the pre_start script "pre" ends with a carriage return/,
    ],
    ['an entrypoint through a file', rewrite('entrypoint: link'), /entrypoint .* is no file/],
    ['an entrypoint that is a directory', rewrite('entrypoint: bin'), /entrypoint .* is no file/],
    [
      'a hook that is not there',
      rewrite('entrypoint: bin/run\nscripts: { pre_start: pre.sh }'),
      /pre_start .*"pre\.sh" is no file/,
    ],
    [
      'a hook at the end that is not there',
      rewrite('entrypoint: bin/run\nscripts: { post_stop: bin }'),
      /post_stop .*"bin" is no file/,
    ],
    [
      'a work_dir that is not there',
      rewrite('entrypoint: bin/run\nwork_dir: data'),
      /work_dir "data" is no directory/,
    ],
    [
      'a work_dir that is a file',
      rewrite('entrypoint: bin/run\nwork_dir: bin/run'),
      /work_dir "bin\/run" is no directory/,
    ],
    [
      'a port that it does not have, in an argument',
      rewrite("entrypoint: bin/run\nports: { web: 0 }\nargs: ['${port.wbe}']"),
      /\$\{port\.wbe\} .*names nothing/,
    ],
    [
      'an unknown reference in a health check',
      rewrite("entrypoint: bin/run\nhealth_check: { type: x, deep: [{ a: '${app.name}' }] }"),
      /\$\{app\.name\} .*names nothing/,
    ],
    [
      'a health check of a port that it does not have',
      rewrite('entrypoint: bin/run\nports: { web: 0 }\nhealth_check: { type: tcp, port: webb }'),
      /health_check .*"webb".*no entry of "ports"/,
    ],
    [
      'a health check of no port',
      rewrite('entrypoint: bin/run\nhealth_check: { type: http, endpoint: / }'),
      /health_check .*which of 0 ports/,
    ],
    [
      'a health check of one of several ports',
      rewrite('entrypoint: bin/run\nports: { a: 0, b: 0 }\nhealth_check: { type: tcp }'),
      /health_check .*which of 2 ports/,
    ],
    [
      'a secret that is no env entry',
      rewrite('entrypoint: bin/run\nenv: { TOKEN: x }\nsecrets: [TOKEN, TOKNE]'),
      /secrets" names "TOKNE"/,
    ],
    [
      'a link outside',
      (dir) => {
        symlinkSync('../../etc/passwd', join(dir, 'bin/l'))
      },
      /outside of the application/,
    ],
    [
      'an absolute link',
      (dir) => {
        symlinkSync('/etc/passwd', join(dir, 'l'))
      },
      /outside of the application/,
    ],
    [
      'a fifo',
      (dir) => {
        execFileSync('mkfifo', [join(dir, 'pipe')])
      },
      /neither a file nor a directory/,
    ],
  ])('refuses %s with BUNDLE_PACK', async (_name, damage, message) => {
    const dir = app('a')
    damage(dir)
    const packing = packDirectory({ dir, outPath: inRoot('a.p2p') })
    await expect(packing).rejects.toMatchObject({
      code: 'BUNDLE_PACK',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([
    'ports: { web: 0 }\nhealth_check: { type: http, endpoint: / }',
    'ports: { a: 0, b: 0 }\nhealth_check: { type: http, endpoint: /, port: b }',
    "ports: { a: 0 }\nhealth_check: { type: tcp, port: '${app.version}' }",
    'health_check: { type: http, endpoint: "http://127.0.0.1:80/" }',
    'health_check: { type: tcp, address: "127.0.0.1:80" }',
    'health_check: { type: other, port: 5432 }',
  ])('takes a health check that has a port: %s', async (lines) => {
    const dir = app('a')
    rewrite(`entrypoint: bin/run\n${lines}`)(dir)
    await expect(packDirectory({ dir, outPath: inRoot('a.p2p') })).resolves.toBeDefined()
  })

  it('names the place of a mistake in the manifest', async () => {
    const dir = app('a', {
      'manifest.yaml': 'name: app\nversion: 1.0.0\nentrypoint: bin/run\nports: { web: 99999 }\n',
    })
    await expect(packDirectory({ dir })).rejects.toThrow(/manifest\.yaml:4:\d+: /)
  })
})
