import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
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

describe('the one file of a key where the other is wanted', () => {
  const path = home.inHome

  beforeEach(async () => {
    await home.cli('keygen', '--out', home.path)
    const app = writeApp(home.path, { name: 'hello' })
    await home.cli('pack', app, '--key', path('signing.key'), '--out', path('hello.p2p'))
  })

  test.each([
    ['pack', () => ['pack', path('hello-1.0.0')]],
    ['sign', () => ['sign', path('hello.p2p')]],
    ['deploy', () => ['deploy', path('hello-1.0.0')]],
  ])('%s --key signing.pub asks for signing.key', async (_command, words) => {
    const result = await home.cli(...words(), '--key', path('signing.pub'))
    expect(result.stderr).toBe(
      `Error CONFIG_KEY: ${path('signing.pub')} holds a public key\n` +
        `The private one is wanted: ${path('signing.key')}.\n`,
    )
    expect(result.status).toBe(2)
  })

  test('verify --trust signing.key asks for signing.pub', async () => {
    const result = await home.cli('verify', path('hello.p2p'), '--trust', path('signing.key'))
    expect(result.stderr).toBe(
      `Error CONFIG_KEY: ${path('signing.key')} holds a private key\n` +
        `The public one is wanted: ${path('signing.pub')}.\n`,
    )
    expect(result.status).toBe(2)
  })

  test('says so without a name where there is none beside it', async () => {
    rmSync(path('signing.key'))
    const result = await home.cli('sign', path('hello.p2p'), '--key', path('signing.pub'))
    expect(result.stderr).toMatch(
      /\nThe private one is wanted, which "keygen" wrote beside it\.\n$/,
    )
  })
})
