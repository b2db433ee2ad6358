import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

/** Plugins of the command line belong to a home like everything else. */
let home: ReturnType<typeof makeHome>
let plugin: string

const cli = (...args: string[]): Promise<CliResult> => runCli(args, { home: home.path })

beforeAll(() => {
  home = makeHome()
  plugin = join(home.path, 'greeter')
  mkdirSync(join(plugin, 'commands'), { recursive: true })
  const manifest = {
    name: 'greeter',
    version: '1.0.0',
    type: 'module',
    oclif: { commands: './commands' },
  }
  writeFileSync(join(plugin, 'package.json'), JSON.stringify(manifest))
  const command =
    "export default class { static id = 'greet'\n static async run() { console.log('hi') } }"
  writeFileSync(join(plugin, 'commands', 'greet.js'), command)
})
afterAll(() => {
  home.remove()
})

test('a linked plugin brings its command to this home only', async () => {
  expect(await cli('plugins', 'link', plugin, '--no-install')).toMatchObject({ status: 0 })
  expect(await cli('greet')).toMatchObject({ status: 0, stdout: 'hi\n' })
  expect((await cli('plugins')).stdout).toMatch(/^greeter +1\.0\.0 +.*greeter$/m)
  const other = makeHome()
  try {
    expect(await runCli(['greet'], { home: other.path })).toMatchObject({ status: 2 })
  } finally {
    other.remove()
  }
  expect(await cli('plugins', 'unlink', 'greeter')).toMatchObject({ status: 0 })
  expect(await cli('greet')).toMatchObject({ status: 2 })
})

test('reset takes all out, once it is said that this is meant', async () => {
  expect(await cli('plugins', 'link', plugin, '--no-install')).toMatchObject({ status: 0 })
  for (const more of [[], ['--json']]) {
    const asked = await cli('plugins', 'reset', ...more)
    expect(asked.stdout + asked.stderr).toContain('it would take out 1 plugin: greeter')
    expect(asked.status).toBe(2)
  }
  expect(await cli('greet')).toMatchObject({ status: 0 })
  const other = makeHome()
  try {
    const elsewhere = await runCli(['plugins', 'reset', '-y', '--home', home.path, '--json'], {
      home: other.path,
    })
    expect(elsewhere).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(elsewhere.stdout)).toEqual(['greeter'])
  } finally {
    other.remove()
  }
  expect(await cli('greet')).toMatchObject({ status: 2 })
  expect(existsSync(join(plugin, 'package.json'))).toBe(true)
  expect(await cli('plugins', 'reset')).toMatchObject({
    status: 0,
    stdout: 'No plugins are installed.\n',
  })
})

test('one that is not built is linked, with what to do', async () => {
  const dir = join(home.path, 'unbuilt')
  mkdirSync(dir)
  const manifest = { name: 'unbuilt', version: '1.0.0', type: 'module', exports: './dist/index.js' }
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest))
  const { status, stderr } = await cli('plugins', 'link', dir, '--no-install')
  expect(stderr).toBe(
    'Warning: PLUGIN_IMPORT: unbuilt cannot be imported: its main file ./dist/index.js is not there. Build it.\n',
  )
  expect(status).toBe(0)
  expect(await cli('plugins', 'unlink', 'unbuilt')).toMatchObject({ status: 0 })
})

test('one that is meant without its scope, or misspelt, is named', async () => {
  const dir = join(home.path, 'scoped')
  mkdirSync(dir)
  writeFileSync(join(dir, 'package.json'), '{ "name": "@acme/scoped", "version": "1.0.0" }')
  expect(await cli('plugins', 'link', dir, '--no-install')).toMatchObject({ status: 0 })
  for (const [command, name] of [
    ['uninstall', 'scoped'],
    ['unlink', '@acme/scopde'],
    ['remove', 'scoped@1.0.0'],
  ] as const) {
    const { status, stderr } = await cli('plugins', command, name)
    expect(stderr).toBe(
      `Error PLUGIN_NOT_FOUND: ${name} is not installed\nDid you mean "@acme/scoped"?\n`,
    )
    expect(status).toBe(2)
  }
  expect(await cli('plugins', 'uninstall', '@acme/scoped')).toMatchObject({ status: 0 })
})

test('one that is not there is not found', async () => {
  const { status, stderr } = await cli('plugins', 'uninstall', 'nobody')
  expect(stderr).toMatch(/^Error PLUGIN_NOT_FOUND: /)
  expect(status).toBe(2)
})

test('autocomplete prints the line for the shell', async () => {
  expect((await cli('autocomplete', 'script', 'bash')).stdout).toContain(join(home.path, 'oclif'))
})
