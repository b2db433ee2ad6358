import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { homeOfEachTest } from './run-cli.js'

const home = homeOfEachTest()
const { cli, inHome } = home

describe('init', () => {
  test('makes keys, a PSK and two configurations that check', async () => {
    expect(await cli('init')).toMatchObject({ status: 0 })
    for (const name of ['signing.key', 'signing.pub', 'controller.yaml', 'daemon.yaml']) {
      expect(existsSync(inHome(name)), name).toBe(true)
    }
    expect(await cli('config', 'check')).toMatchObject({ status: 0 })
  })

  test('leaves no secret that others can read', async () => {
    await cli('init')
    const secrets: string[] = []
    for (const name of readdirSync(home.path)) {
      const { mode } = statSync(inHome(name))
      const text = statSync(inHome(name)).isFile() ? readFileSync(inHome(name), 'utf8') : ''
      if (!/PRIVATE KEY|^\/key\/swarm|psk:/m.test(text)) continue
      secrets.push(name)
      expect(mode & 0o077, name).toBe(0)
    }
    expect(secrets.sort()).toEqual(['signing.key', 'swarm.key'])
    expect(statSync(inHome('signing.key')).mode & 0o777).toBe(0o600)
  })

  test.each([{ args: [] as string[] }, { args: ['--force'] }])(
    'a second run with $args keeps every key',
    async ({ args }) => {
      await cli('init')
      const keys = ['signing.key', 'signing.pub', 'swarm.key'].filter((name) =>
        existsSync(inHome(name)),
      )
      const before = keys.map((name) => readFileSync(inHome(name), 'utf8'))
      expect(await cli('init', ...args)).toMatchObject({ status: 0 })
      expect(keys.map((name) => readFileSync(inHome(name), 'utf8'))).toEqual(before)
    },
  )

  test('says which flags change nothing, because daemon.yaml is there', async () => {
    await cli('init', '--name', 'first')
    const again = await cli('init', '--name=other', '--label', 'a=b')
    expect(again.stderr).toBe(
      `Warning: ${inHome('daemon.yaml')} stays as it was: --name, --label changed nothing; edit it, or write it anew with --force\n`,
    )
    expect(again.status).toBe(0)
    expect((await cli('init')).stderr).toBe('')
    expect((await cli('init', '--name', 'other', '--force')).stderr).toBe('')
    expect(readFileSync(inHome('daemon.yaml'), 'utf8')).toContain('name: other')
  })

  test('a package made after it needs no flags and is trusted by the daemon of the home', async () => {
    await cli('init')
    const app = writeApp(home.path, { name: 'hello' })
    const file = inHome('hello.p2p')
    expect(await cli('pack', app, '--out', file)).toMatchObject({ status: 0 })
    expect(await cli('verify', file)).toMatchObject({ status: 0 })
  })
})

test('init beside a public key whose private key is gone says the way out', async () => {
  await cli('init')
  rmSync(inHome('signing.key'))
  const result = await cli('init')
  expect(result.stderr).toMatch(/^Error CONFIG_EXISTS: \S+signing\.pub is there already\n/)
  expect(result.stderr).toContain(`Or move ${inHome('signing.pub')} away`)
  expect(result.stderr).not.toContain('--out')
  expect(result.status).toBe(1)
  rmSync(inHome('signing.pub'))
  expect(await cli('init')).toMatchObject({ status: 0 })
})

test('init --name that no --nodes could select is refused before anything is written', async () => {
  const result = await cli('init', '--name', 'a,b')
  expect(result.stderr).toBe(
    'Error USAGE: --name "a,b": must have no comma: "--nodes a,b" means two nodes\nUse letters, digits and dashes: node-1.\n',
  )
  expect(result.status).toBe(2)
  expect(readdirSync(home.path)).toEqual([])
})

const NO_LISTEN = ['foo', '/ip4/0.0.0.0/tcp/99999', '/ip4/300.0.0.1/tcp/1']

test.each(NO_LISTEN)('init --listen %s is refused before anything is written', async (address) => {
  const result = await cli('init', '--listen', address)
  expect(result.stderr).toMatch(/^Error USAGE: --listen .*\n.*\/ip4\/0\.0\.0\.0\/tcp\/4001/)
  expect(result.status).toBe(2)
  expect(readdirSync(home.path)).toEqual([])
})

test.each(['', ' '])('init --name "%s" is refused before anything is written', async (name) => {
  const result = await cli('init', '--name', name)
  expect(result.stderr).toBe(
    'Error USAGE: --name is empty\nLeave it out to name the node as the host.\n',
  )
  expect(result.status).toBe(2)
  expect(readdirSync(home.path)).toEqual([])
})
