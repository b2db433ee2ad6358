import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPackageName } from './package-name.js'
import { parsePluginSpec } from './plugin-spec.js'

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-spec-'))
  for (const name of ['x-1.0.0.tgz', 'y.bin']) writeFileSync(join(dir, name), '')
  mkdirSync(join(dir, 'folder'))
})
afterAll(() => {
  rmSync(dir, { recursive: true, force: true })
})

describe('parsePluginSpec', () => {
  it.each([
    ['redis', { kind: 'registry', name: 'redis', range: 'latest' }],
    ['redis@^1.2', { kind: 'registry', name: 'redis', range: '^1.2' }],
    ['@acme/redis', { kind: 'registry', name: '@acme/redis', range: 'latest' }],
    ['@acme/redis@next', { kind: 'registry', name: '@acme/redis', range: 'next' }],
    ['https://example.org/x.tgz', { kind: 'remote', spec: 'https://example.org/x.tgz' }],
    ['git+ssh://git@h/o/r.git', { kind: 'remote', spec: 'git+ssh://git@h/o/r.git' }],
    ['acme/redis', { kind: 'remote', spec: 'acme/redis' }],
  ])('%s', (text, expected) => {
    expect(parsePluginSpec(text, dir)).toEqual(expected)
  })

  it.each(['x-1.0.0.tgz', './x-1.0.0.tgz', 'file:x-1.0.0.tgz', 'file:./x-1.0.0.tgz'])(
    '%s is the file',
    (text) => {
      const expected = { kind: 'tarball', path: join(dir, 'x-1.0.0.tgz') }
      expect(parsePluginSpec(text, dir)).toEqual(expected)
      expect(parsePluginSpec(join(dir, 'y.bin'), '/')).toEqual({
        kind: 'tarball',
        path: join(dir, 'y.bin'),
      })
    },
  )

  it.each([
    ['./gone.tgz', 'PLUGIN_NOT_FOUND', 'there is no file'],
    ['./folder', 'USAGE', 'is a folder'],
    ['Redis', 'USAGE', 'is no name of an npm package'],
    ['@acme', 'USAGE', 'is no name of an npm package'],
  ])('refuses %s', (text, code, message) => {
    const expected = { code, message: expect.stringContaining(message) as string }
    expect(() => parsePluginSpec(text, dir)).toThrow(expect.objectContaining(expected))
  })
})

it.each([
  ['p2p-health-redis', true],
  ['@acme/p2p-health-redis', true],
  ['@acme', false],
  ['@acme/', false],
  ['Redis', false],
  ['.hidden', false],
  ['_x', false],
  ['a b', false],
  ['a/b', false],
  ['../x', false],
  ['x'.repeat(215), false],
])('%s is a package name: %s', (text, expected) => {
  expect(isPackageName(text)).toBe(expected)
})
