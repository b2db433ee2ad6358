import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { hostPackages } from './host-packages.js'
import { relinkHostPackages } from './link-plugin.js'

const CORE = '@p2p-playground/core'
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-link-'))
  mkdirSync(join(dir, 'node_modules', '@p2p-playground'), { recursive: true })
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

it('brings the packages that plugins import, core first', () => {
  const hosts = hostPackages()
  expect(hosts.map(({ name }) => name)).toEqual([CORE, '@p2p-playground/process-runtime'])
  for (const { name, root, version } of hosts) {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({ name, version })
  }
})

it.each(['/gone/with/the/last/installation', '/'])(
  'after a move the link to %s leads to the host again',
  async (target) => {
    const path = join(dir, 'node_modules', CORE)
    symlinkSync(target, path)
    const dependencies = { other: '^1.0.0' }
    const manifest = { dependencies, optionalDependencies: { [CORE]: `file:${target}` } }
    writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest))
    await relinkHostPackages(dir)
    const core = hostPackages().find(({ name }) => name === CORE)
    expect(realpathSync(path)).toBe(core?.root)
    expect(JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))).toEqual({
      dependencies,
      optionalDependencies: { [CORE]: `file:${core?.root ?? ''}` },
    })
    const before = readlinkSync(path)
    await relinkHostPackages(dir)
    expect(readlinkSync(path)).toBe(before)
  },
)

it('leaves a directory without plugins alone', async () => {
  await relinkHostPackages(join(dir, 'none'))
  expect(() => realpathSync(join(dir, 'node_modules', CORE))).toThrow()
})
