import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { homeOfEachTest, runCli } from './run-cli.js'

const home = homeOfEachTest()

const modeOf = (path: string): number => statSync(path).mode & 0o777

test('keygen --type ed25519 writes a PKCS#8 key only the owner reads, an SPKI key, and prints the hex', async () => {
  const out = join(home.path, 'keys')
  const result = await runCli(['keygen', '--type', 'ed25519', '--out', out], { home: home.path })
  expect(result).toMatchObject({ status: 0 })
  expect(modeOf(join(out, 'signing.key'))).toBe(0o600)
  expect(readFileSync(join(out, 'signing.key'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  const pub = readFileSync(join(out, 'signing.pub'), 'utf8')
  expect(pub).toMatch(/^-----BEGIN PUBLIC KEY-----\n/)
  const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: pub })
  expect(result.stdout).toContain(der.subarray(-32).toString('hex'))
})

test('keygen --type rsa prints the PEM that openssl derives from the private key', async () => {
  const out = join(home.path, 'keys')
  const result = await runCli(['keygen', '--type', 'rsa', '--out', out], { home: home.path })
  expect(result).toMatchObject({ status: 0 })
  const derived = execFileSync('openssl', ['pkey', '-in', join(out, 'signing.key'), '-pubout'], {
    encoding: 'utf8',
  })
  expect(readFileSync(join(out, 'signing.pub'), 'utf8').trim()).toBe(derived.trim())
  expect(result.stdout).toContain(derived.trim())
})

test('keygen never replaces a key', async () => {
  const args = ['keygen', '--type', 'ed25519', '--out', home.path]
  expect((await runCli(args, { home: home.path })).status).toBe(0)
  const before = readFileSync(join(home.path, 'signing.key'), 'utf8')
  const again = await runCli(args, { home: home.path })
  expect(again.status).toBe(1)
  expect(again.stderr).toMatch(/^Error CONFIG_EXISTS: /m)
  expect(readFileSync(join(home.path, 'signing.key'), 'utf8')).toBe(before)
})

test('psk prints 64 hex characters, new ones each time', async () => {
  const [one, two] = await Promise.all([
    runCli(['psk'], { home: home.path }),
    runCli(['psk'], { home: home.path }),
  ])
  expect(one.stdout).toMatch(/[0-9a-f]{64}/)
  expect(one.stdout).not.toBe(two.stdout)
})
