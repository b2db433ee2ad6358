import { mkdirSync, writeFileSync } from 'node:fs'
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

test('one that is not there is not found', async () => {
  const { status, stderr } = await cli('plugins', 'uninstall', 'nobody')
  expect(stderr).toMatch(/^Error PLUGIN_NOT_FOUND: /)
  expect(status).toBe(2)
})

test('autocomplete prints the line for the shell', async () => {
  expect((await cli('autocomplete', 'script', 'bash')).stdout).toContain(join(home.path, 'oclif'))
})
