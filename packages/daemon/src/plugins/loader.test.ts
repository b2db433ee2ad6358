import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import type { PluginEntry } from '../config/index.js'
import { loadPlugins } from './loader.js'
import type { PluginSet } from './loader.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-plugins-'))
  write('package.json', '{}')
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const SCHEMA = `{ '~standard': { version: 1, vendor: 'test', validate: (value) => 'bad' in value
  ? { issues: [{ message: 'bad is not known', path: ['bad'] }] } : { value } } }`

/** A package as npm would have put it there. */
function plugin(name: string, body: string): void {
  write(
    `node_modules/${name}/package.json`,
    JSON.stringify({ name, version: '1.0.0', type: 'module', exports: './index.js' }),
  )
  write(`node_modules/${name}/index.js`, body)
}

function definition(fields: string): string {
  return `export default { [Symbol.for('p2p-playground.plugin')]: true, kind: 'health-checker', api: '1.0',
    config: ${SCHEMA}, ${fields} }`
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

async function load(...entries: (Partial<PluginEntry> & { use: string })[]): Promise<PluginSet> {
  return loadPlugins({
    entries: entries.map((entry, index) => ({
      config: {},
      optional: false,
      path: ['plugins', index],
      ...entry,
    })),
    positionOf: (path) => ({ file: 'daemon.yaml', line: 10 + path.length, column: 3 }),
    searchRoots: [root],
    contextFor: async () => Promise.resolve({ logger: silent, clock: systemClock, dataDir: root }),
    startLimitMs: 50,
  })
}

describe('loadPlugins', () => {
  it('creates, opens in order and closes in reverse', async () => {
    const log: string[] = []
    Object.assign(globalThis, { pluginLog: log })
    for (const name of ['one', 'two']) {
      plugin(
        name,
        definition(`name: '${name}', create: () => ({ open: async () => globalThis.pluginLog.push('open ${name}'),
        close: async () => globalThis.pluginLog.push('close ${name}') })`),
      )
    }
    const set = await load({ use: 'one' }, { use: 'two' })
    expect([...set.healthCheckers.keys()]).toEqual(['one', 'two'])
    expect(log).toEqual([])
    await set.open()
    await set.close()
    await set.close()
    expect(log).toEqual(['open one', 'open two', 'close two', 'close one'])
  })

  it('finds the built-in ones in its own dependencies', async () => {
    const set = await load(
      { use: '@p2p-playground/runtime-process' },
      { use: '@p2p-playground/health-basic' },
    )
    expect([...set.runtimes.keys()]).toEqual(['process'])
    expect([...set.healthCheckers.keys()]).toEqual(['process', 'tcp'])
  })

  it('finds a linked one at its root', async () => {
    write(
      'elsewhere/package.json',
      JSON.stringify({ name: 'linked', type: 'module', exports: { '.': { import: './main.js' } } }),
    )
    write('elsewhere/main.js', definition("name: 'linked', create: () => ({})"))
    write(
      'package.json',
      JSON.stringify({
        oclif: { plugins: [{ name: 'linked', type: 'link', root: join(root, 'elsewhere') }] },
      }),
    )
    expect([...(await load({ use: 'linked' })).healthCheckers.keys()]).toEqual(['linked'])
  })

  it.each<[string, string | undefined, string, RegExp]>([
    [
      'is not there',
      undefined,
      'PLUGIN_NOT_FOUND',
      /daemon\.yaml:12:3: there is no package "broken"/,
    ],
    [
      'throws when imported',
      "throw new Error('boom')",
      'PLUGIN_IMPORT',
      /daemon\.yaml:12:3: broken cannot be imported: boom/,
    ],
    ['does not parse', 'export default {', 'PLUGIN_IMPORT', /broken cannot be imported/],
    [
      'has no default export',
      'export const x = 1',
      'PLUGIN_SHAPE',
      /daemon\.yaml:12:3: broken has no default export/,
    ],
    [
      'is for another api',
      definition("name: 'x', create: () => ({})").replace("'1.0'", "'9.0'"),
      'PLUGIN_API',
      /written for plugin API 9\.0/,
    ],
    [
      'throws when created',
      definition("name: 'x', create: () => { throw new Error('no') }"),
      'PLUGIN_IMPORT',
      /no$/,
    ],
  ])('names a plugin that %s', async (_name, body, code, message) => {
    if (body !== undefined) plugin('broken', body)
    await expect(load({ use: 'broken' })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it('points at the line of a wrong config', async () => {
    plugin('strict', definition("name: 'strict', create: () => ({})"))
    await expect(load({ use: 'strict', config: { bad: 1 } })).rejects.toMatchObject({
      code: 'PLUGIN_CONFIG',
      message: 'daemon.yaml:14:3: config "bad" of strict: bad is not known',
    })
  })

  it('refuses two of one name', async () => {
    for (const name of ['one', 'two']) plugin(name, definition("name: 'same', create: () => ({})"))
    await expect(load({ use: 'one' }, { use: 'two' })).rejects.toMatchObject({
      code: 'PLUGIN_DUPLICATE',
    })
  })

  it('goes on without an optional one, and says so', async () => {
    const set = await load(
      { use: 'missing', optional: true },
      { use: '@p2p-playground/health-http' },
    )
    expect(set.warnings).toEqual([
      expect.stringMatching(/^missing is left out: .*there is no package/) as string,
    ])
    expect([...set.healthCheckers.keys()]).toEqual(['http'])
  })

  it.each([
    ['hangs', 'new Promise(() => {})', /has not started within 50 ms/],
    ['throws', "Promise.reject(new Error('no server'))", /no server/],
  ])('names a plugin whose open %s', async (_name, promise, message) => {
    plugin('slow', definition(`name: 'slow', create: () => ({ open: () => ${promise} })`))
    const set = await load({ use: 'slow' })
    await expect(set.open()).rejects.toMatchObject({
      code: 'PLUGIN_START',
      message: expect.stringMatching(message) as string,
    })
  })
})
