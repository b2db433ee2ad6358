import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import type { PluginEntry } from '../config/index.js'
import { HANG } from './broken-plugin.test.support.js'
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

const CHECKER = `spec: ${SCHEMA}, check: async () => ({ healthy: true })`

function bare(fields: string): string {
  return `{ [Symbol.for('p2p-playground.plugin')]: true, kind: 'health-checker', api: '1.0',
    config: ${SCHEMA}, ${fields} }`
}

function definition(fields: string): string {
  return `export default ${bare(fields)}`
}

const logger = new RecordingLogger()
const clock = new FakeClock()
Object.assign(globalThis, { onHang: () => void clock.advance(10_000) })

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
    contextFor: async () => Promise.resolve({ logger, clock, dataDir: root }),
    clock,
    expanded: new Set(['plugins.0.config.port', 'plugins.0.config.deep.0.on']),
  })
}

describe('loadPlugins', () => {
  it('creates, opens in order and closes in reverse', async () => {
    const log: string[] = []
    Object.assign(globalThis, { pluginLog: log })
    for (const name of ['one', 'two']) {
      plugin(
        name,
        definition(`name: '${name}', create: () => ({ ${CHECKER}, open: async () => globalThis.pluginLog.push('open ${name}'),
        close: async () => globalThis.pluginLog.push('close ${name}') })`),
      )
    }
    const set = await load({ use: 'one' }, { use: 'two' })
    expect([...set.healthCheckers.keys()]).toEqual(['one', 'two'])
    expect(log).toEqual([])
    await set.open()
    await set.close(logger)
    await set.close(logger)
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
    write('elsewhere/main.js', definition(`name: 'linked', create: () => ({ ${CHECKER} })`))
    write(
      'package.json',
      JSON.stringify({
        oclif: { plugins: [{ name: 'linked', type: 'link', root: join(root, 'elsewhere') }] },
      }),
    )
    expect([...(await load({ use: 'linked' })).healthCheckers.keys()]).toEqual(['linked'])
  })

  it('passes on how long the lines of a log sink may wait, and refuses nonsense', async () => {
    const sink = (lingerMs: string): string =>
      definition(
        `name: 'slow', create: () => ({ write: async () => {}, lingerMs: ${lingerMs} })`,
      ).replace("kind: 'health-checker'", "kind: 'log-sink'")
    plugin('patient', sink('300_000'))
    expect((await load({ use: 'patient' })).logSinks.get('slow')?.lingerMs).toBe(300_000)
    plugin('wrong', sink("'5m'"))
    await expect(load({ use: 'wrong' })).rejects.toMatchObject({
      code: 'PLUGIN_SHAPE',
      message: expect.stringContaining(
        'wrong 1.0.0 (slow): create gave a log-sink whose lingerMs is "5m"',
      ) as string,
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

  it('leaves an optional one out that does not start, and closes it', async () => {
    const log: string[] = []
    Object.assign(globalThis, { pluginLog: log })
    plugin(
      'slow',
      definition(`name: 'slow', create: () => ({ ${CHECKER}, open: () => ${HANG},
        close: async () => globalThis.pluginLog.push('closed') })`),
    )
    const set = await load({ use: 'slow', optional: true }, { use: '@p2p-playground/health-http' })
    expect(set.loaded.map(({ name }) => name)).toEqual(['slow', 'http'])
    await set.open()
    expect(set.warnings).toEqual([
      expect.stringMatching(
        /^slow is left out: .*slow 1\.0\.0 .* does not start: it has not opened/,
      ) as string,
    ])
    expect([...set.healthCheckers.keys()]).toEqual(['http'])
    expect(set.loaded.map(({ name }) => name)).toEqual(['http'])
    await set.close(logger)
    expect(log).toEqual(['closed'])
  })

  it('closes what it opened when a later one does not start', async () => {
    const log: string[] = []
    Object.assign(globalThis, { pluginLog: log })
    const closing = (name: string): string =>
      `close: async () => globalThis.pluginLog.push('close ${name}')`
    plugin('one', definition(`name: 'one', create: () => ({ ${CHECKER}, ${closing('one')} })`))
    plugin(
      'two',
      definition(`name: 'two', create: () => ({ ${CHECKER}, ${closing('two')},
        open: async () => { throw new Error('no server') } })`),
    )
    plugin(
      'three',
      definition(`name: 'three', create: () => ({ ${CHECKER}, ${closing('three')} })`),
    )
    const set = await load({ use: 'one' }, { use: 'two' }, { use: 'three' })
    await expect(set.open()).rejects.toMatchObject({ code: 'PLUGIN_START' })
    await set.close(logger)
    expect(log).toEqual(['close two', 'close one'])
  })

  it('leaves nothing of an optional package whose second plugin cannot be had', async () => {
    plugin(
      'pair',
      `export default [${bare(`name: 'good', create: () => ({ ${CHECKER} })`)},
        ${bare(`name: 'http', create: () => ({ ${CHECKER} })`)}]`,
    )
    const set = await load({ use: '@p2p-playground/health-http' }, { use: 'pair', optional: true })
    expect([...set.healthCheckers.keys()]).toEqual(['http'])
    expect(set.warnings[0]).toMatch(/pair 1\.0\.0 and @p2p-playground\/health-http/)
  })

  it.each([
    ['hangs', HANG, 'it has not closed within 5s'],
    ['rejects', "Promise.reject(new Error('no'))", 'no'],
    ['throws', "{ throw new Error('no') }", 'no'],
  ])('closes the others when the close of one %s, and names it', async (_what, end, error) => {
    const log: string[] = []
    Object.assign(globalThis, { pluginLog: log })
    const closing = "close: async () => globalThis.pluginLog.push('closed')"
    plugin('first', definition(`name: 'first', create: () => ({ ${CHECKER}, ${closing} })`))
    plugin('bad', definition(`name: 'bad', create: () => ({ ${CHECKER}, close: () => ${end} })`))
    const set = await load({ use: 'first' }, { use: 'bad' })
    await set.open()
    await set.close(logger)
    expect(log).toEqual(['closed'])
    expect(logger.lines.at(-1)).toEqual({
      level: 'error',
      event: 'plugin-close-failed',
      fields: { package: 'bad', version: '1.0.0', plugin: 'health-checker bad', error },
    })
  })

  it('takes CommonJS that was compiled from ESM', async () => {
    write(
      'node_modules/compiled/package.json',
      JSON.stringify({ name: 'compiled', version: '1.0.0', main: 'lib' }),
    )
    write(
      'node_modules/compiled/lib/index.js',
      `Object.defineProperty(exports, '__esModule', { value: true })
      exports.default = ${bare(`name: 'compiled', create: () => ({ ${CHECKER} })`)}`,
    )
    expect((await load({ use: 'compiled' })).loaded).toEqual([
      { package: 'compiled', version: '1.0.0', kind: 'health-checker', name: 'compiled' },
    ])
  })

  it('reads numbers and booleans out of variables where the schema wants them', async () => {
    plugin(
      'typed',
      `import * as v from 'valibot'
      const config = v.strictObject({ port: v.number(), name: v.string(),
        deep: v.array(v.strictObject({ on: v.boolean() })) })
      export default ${bare(`name: 'typed', create: ({ config }) => {
        globalThis.pluginConfig = config
        return { ${CHECKER} }
      }`).replace(SCHEMA, 'config')}`,
    )
    symlinkSync(
      join(import.meta.dirname, '../../../../node_modules/valibot'),
      join(root, 'node_modules/valibot'),
    )
    const config = { port: '80', name: '7', deep: [{ on: 'true' }] }
    await load({ use: 'typed', config })
    expect((globalThis as { pluginConfig?: unknown }).pluginConfig).toEqual({
      port: 80,
      name: '7',
      deep: [{ on: true }],
    })
    expect(config.port).toBe('80')
    // A text that no variable gave stays one.
    await expect(
      load({ use: 'typed', config: { ...config, name: 5, deep: [] } }),
    ).rejects.toMatchObject({ code: 'PLUGIN_CONFIG' })
  })
})
