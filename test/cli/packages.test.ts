import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { asSomebodyElse, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'
import { helloOfEachTest } from './packages.test.support.js'

const hello = helloOfEachTest()
const { home, cli } = hello

async function keygen(
  dir: string,
  type = 'ed25519',
): Promise<{ key: string; pub: string; text: string }> {
  const out = join(home.path, dir)
  const result = await cli('keygen', '--type', type, '--out', out)
  expect(result).toMatchObject({ status: 0 })
  const pub = readFileSync(join(out, 'signing.pub'), 'utf8')
  const hex = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: pub })
    .subarray(-32)
    .toString('hex')
  return { key: join(out, 'signing.key'), pub: join(out, 'signing.pub'), text: hex }
}

describe.each(['ed25519', 'rsa'])('with an %s key', (type) => {
  test('pack, verify and inspect agree', async () => {
    const key = await keygen('keys', type)
    expect(await cli('pack', hello.app, '--key', key.key, '--out', hello.file)).toMatchObject({
      status: 0,
    })
    expect(await cli('verify', hello.file, '--trust', key.pub)).toMatchObject({ status: 0 })
    const shown = await cli('inspect', hello.file, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ signed: true })
    expect(shown.stdout).toContain('1.0.0')
  })

  test('verify exits 6 for another key', async () => {
    const key = await keygen('keys', type)
    const other = await keygen('other', type)
    await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
    const result = await cli('verify', hello.file, '--trust', other.pub)
    expect(result.status).toBe(6)
    expect(result.stderr).toMatch(/^Error SIGNATURE_/m)
  })
})

test('verify takes the hex that keygen prints', async () => {
  const key = await keygen('keys')
  await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  expect(await cli('verify', hello.file, '--trust', key.text)).toMatchObject({ status: 0 })
})

test('verify accepts a package when any of several keys signed it', async () => {
  const key = await keygen('keys')
  const other = await keygen('other', 'rsa')
  await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  for (const trust of [
    ['--trust', other.pub, '--trust', key.pub],
    ['--trust', key.pub, other.pub],
  ]) {
    expect(await cli('verify', hello.file, ...trust)).toMatchObject({ status: 0 })
  }
})

test('verify takes the keys before the file as well', async () => {
  const key = await keygen('keys')
  await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  expect(await cli('verify', '--trust', key.pub, hello.file)).toMatchObject({ status: 0 })
  const missing = await cli('verify', '--trust', key.pub)
  expect(missing.status).toBe(2)
  expect(missing.stderr).toContain('the package file is missing')
})

test('--json prints one JSON value and nothing else', async () => {
  const { key, pub } = await keygen('keys')
  for (const args of [
    ['keygen', '--out', join(home.path, 'more')],
    ['psk'],
    ['pack', hello.app, '--key', key, '--out', hello.file],
    ['sign', hello.file, '--key', key],
    ['verify', hello.file, '--trust', pub],
    ['inspect', hello.file],
    ['config', 'show'],
    ['config', 'check'],
  ]) {
    const { status, stdout, stderr } = await cli(...args, '--json')
    expect({ status, stderr }, args.join(' ')).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toBeTypeOf('object')
  }
})

test('verify exits 6 when one byte of the package changed', async () => {
  const key = await keygen('keys')
  await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  const bytes = readFileSync(hello.file)
  const at = bytes.indexOf(Buffer.from([0x1f, 0x8b])) + 40
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(hello.file, bytes)
  expect(await cli('verify', hello.file, '--trust', key.pub)).toMatchObject({ status: 6 })
})

test('verify exits 6 for an unsigned package; sign makes it good', async () => {
  const key = await keygen('keys')
  expect(await cli('pack', hello.app, '--no-sign', '--out', hello.file)).toMatchObject({
    status: 0,
  })
  expect(await cli('verify', hello.file, '--trust', key.pub)).toMatchObject({ status: 6 })
  expect(await cli('sign', hello.file, '--key', key.key)).toMatchObject({ status: 0 })
  expect(await cli('verify', hello.file, '--trust', key.pub)).toMatchObject({ status: 0 })
})

test('pack without --out writes NAME-VERSION.p2p into the working directory', async () => {
  expect(await cli('pack', 'hello-1.0.0', '--no-sign')).toMatchObject({ status: 0 })
  expect(existsSync(join(home.path, 'hello-1.0.0.p2p'))).toBe(true)
})

test('pack leaves out what it wrote here for other versions', async () => {
  const inApp = async (...args: string[]): Promise<CliResult> =>
    runCli(args, { home: home.path, cwd: hello.app })
  expect(await inApp('pack', '.', '--no-sign')).toMatchObject({ status: 0 })
  const manifest = join(hello.app, 'manifest.yaml')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('1.0.0', '1.1.0-rc.1'))
  writeFileSync(join(hello.app, 'hello-world.p2p'), 'a file of the app')
  expect(await inApp('pack', '.', '--no-sign')).toMatchObject({ status: 0 })
  const { stdout } = await inApp('inspect', 'hello-1.1.0-rc.1.p2p')
  expect(stdout).toContain('hello-world.p2p')
  expect(stdout).not.toContain('hello-1.0.0.p2p')
})

test('pack leaves out what .p2pignore names, and says how much', async () => {
  const noted = writeApp(home.path, { name: 'noted' })
  for (const dir of ['locked', '.git']) mkdirSync(join(noted, dir))
  for (const name of ['.env', 'a.log', 'keep.log']) writeFileSync(join(noted, name), '')
  writeFileSync(join(noted, '.p2pignore'), '.env\n\nlocked/\n*.log\n!keep.log\n')
  chmodSync(join(noted, 'locked'), 0)
  chmodSync(home.path, 0o777)
  const packed = await runCli(['pack', noted, '--no-sign', '-o', hello.file], {
    home: home.path,
    through: asSomebodyElse,
  })
  expect(packed).toMatchObject({ status: 0 })
  expect(packed.stdout).toMatch(
    /^\S+hello\.p2p {2}noted@1\.0\.0 {2}.* {2}not signed {2}4 ignored\n$/,
  )
  const { files } = JSON.parse((await cli('inspect', hello.file, '--json')).stdout) as {
    readonly files: readonly { readonly path: string }[]
  }
  const paths = files.map(({ path }) => path)
  expect(paths).toEqual(['bin', 'bin/run', 'keep.log', 'manifest.yaml'])

  const without = await cli('pack', hello.app, '--no-sign', '-o', hello.file)
  expect(without.stdout).toMatch(/ {2}not signed\n$/)
  expect(
    JSON.parse((await cli('pack', hello.app, '-o', hello.file, '--json')).stdout),
  ).toHaveProperty('ignored', 0)

  writeFileSync(join(noted, '.p2pignore'), '# built anew\nbin/\n')
  const refused = await cli('pack', noted, '--no-sign', '-o', hello.file)
  expect(refused.stderr).toBe(
    'Error BUNDLE_PACK: the entrypoint "bin/run" is no file in the package\n' +
      '.p2pignore line 2 leaves it out ("bin/"); a line "!/bin" at the end of .p2pignore takes it in.\n',
  )
  expect(refused).toMatchObject({ status: 2, stdout: '' })
})

test.each([
  ['is not there', 'nope.key', 'CONFIG_NOT_FOUND', 'there is no file'],
  ['is of another type', 'keys/signing.key', 'CONFIG_KEY', 'is an ed25519 key'],
])('pack leaves nothing unsigned for a configured key that %s', async (_name, path, code, says) => {
  await keygen('keys')
  const config = join(home.path, 'controller.yaml')
  const yaml = `security:\n  signing_key_type: rsa\n  signing_key_path: ${path}\n`
  writeFileSync(config, yaml, { mode: 0o600 })
  for (const args of [
    ['pack', hello.app, '--out', hello.file],
    ['config', 'check'],
  ]) {
    const { status, stderr } = await cli(...args)
    expect(stderr, args.join(' ')).toContain(`Error ${code}: ${config}:3:3: `)
    expect(stderr).toContain(says)
    expect(status).toBe(2)
  }
  expect(existsSync(hello.file)).toBe(false)
})

test('the same tree packs to the same bytes', async () => {
  const key = await keygen('keys')
  const again = join(home.path, 'again.p2p')
  await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  await cli('pack', hello.app, '--key', key.key, '--out', again)
  expect(readFileSync(again).equals(readFileSync(hello.file))).toBe(true)
})

test('SOURCE_DATE_EPOCH says when a package was made', async () => {
  const pack = (epoch: string): Promise<CliResult> =>
    runCli(['pack', hello.app, '--no-sign', '--out', hello.file], {
      home: home.path,
      env: { SOURCE_DATE_EPOCH: epoch },
    })
  expect(await pack('1700000000')).toMatchObject({ status: 0 })
  expect((await cli('inspect', hello.file)).stdout).toContain('created_at: 2023-11-14T22:13:20Z')
  const refused = await pack('tomorrow')
  expect(refused.status).toBe(2)
  expect(refused.stderr).toMatch(/^Error USAGE: SOURCE_DATE_EPOCH /m)
})

test('a key that others can read is refused with the command that corrects it', async () => {
  const key = await keygen('keys')
  execFileSync('chmod', ['644', key.key])
  const result = await cli('pack', hello.app, '--key', key.key, '--out', hello.file)
  expect(result.status).toBe(2)
  expect(result.stderr).toMatch(/^Error CONFIG_PERMISSIONS: /m)
  expect(result.stderr).toContain('chmod 600')
  expect(existsSync(hello.file)).toBe(false)
})
