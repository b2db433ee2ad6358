import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ErrorCode } from '@p2p-playground/core'

/** A plugin that is not as it should be, and what must be said of it. */
export interface BrokenPlugin {
  readonly what: string
  /** Body of index.js of the package `broken` 1.2.3, when that is all there is to it. */
  readonly body?: string
  /** Its package.json beside name and version; a text is taken as it is. */
  readonly manifest?: Readonly<Record<string, unknown>> | string
  /** Further files, beneath the directory that holds node_modules. */
  readonly files?: Readonly<Record<string, string>>
  /** From the first entry of `plugins:` on; default `- use: broken`. */
  readonly yaml?: readonly string[]
  /** When it shows; default: when it is loaded. */
  readonly step?: 'load' | 'open'
  readonly code: ErrorCode
  /** The message after its place. */
  readonly message: string | RegExp
  readonly hint: RegExp
  /** Line and column in daemon.yaml; default those of the entry. */
  readonly at?: string
}

/** Of `- use: broken` as the first entry. */
const ENTRY = '2:5'

const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }"
const CHECK = `({ spec: ${SCHEMA}, check: async () => ({ healthy: true }) })`

/** Never ends; a test in the same process is told, and can let time pass. */
export const HANG = '(globalThis.onHang?.(), new Promise(() => {}))'

/** A definition without a fault but for the fields that are given. */
export function definition(fields: Readonly<Record<string, string>> = {}): string {
  const all = {
    "[Symbol.for('p2p-playground.plugin')]": 'true',
    kind: "'health-checker'",
    name: "'broken'",
    api: "'1.0'",
    config: SCHEMA,
    create: `() => ${CHECK}`,
    ...fields,
  }
  const entries = Object.entries(all).map(([key, value]) => `${key}: ${value}`)
  return `{ ${entries.join(', ')} }`
}

/** index.js of a plugin. */
export function plugin(fields: Readonly<Record<string, string>> = {}): string {
  return `export default ${definition(fields)}`
}

const VALIBOT = `import * as v from 'valibot'
const config = v.strictObject({
  host: v.string(),
  port: v.optional(v.number(), 1),
  tls: v.optional(v.strictObject({ verify: v.boolean() })),
  labels: v.optional(v.array(v.string()), []),
})
export default ${definition({ config: 'config' })}`

const withConfig = (...lines: string[]): string[] => [
  '- use: broken',
  '  config:',
  ...lines.map((line) => `    ${line}`),
]

const kind = (name: string, created: string): string =>
  plugin({ kind: `'${name}'`, create: `() => (${created})` })

const FAULT = /author.*optional: true/
const DEFINE = /definePlugin/
const INSTALL = /install it again/i

export const BROKEN_PLUGINS: readonly BrokenPlugin[] = [
  // Finding it
  {
    what: 'is not there',
    yaml: ['- use: nobody'],
    code: 'PLUGIN_NOT_FOUND',
    message: 'there is no package "nobody"',
    hint: /plugins install nobody/,
  },
  {
    what: 'is there under a name that differs a little',
    body: plugin(),
    yaml: ['- use: brokn'],
    code: 'PLUGIN_NOT_FOUND',
    message: 'there is no package "brokn"',
    hint: /Did you mean "broken"\?/,
  },
  {
    what: 'is named by a path',
    yaml: ['- use: ./broken'],
    code: 'PLUGIN_NOT_FOUND',
    message: '"./broken" is not the name of a package',
    hint: /plugins link/,
  },
  {
    what: 'is linked to a folder that is gone',
    files: {
      'package.json':
        '{ "oclif": { "plugins": [{ "name": "broken", "type": "link", "root": "/nowhere/at/all" }] } }',
    },
    code: 'PLUGIN_NOT_FOUND',
    message: '"broken" is linked to /nowhere/at/all, where there is no package',
    hint: /uninstall broken/,
  },
  {
    what: 'has a package.json that is no JSON',
    manifest: '{ "name": ',
    code: 'PLUGIN_IMPORT',
    message: /^broken cannot be read: \S+\/broken\/package\.json: /,
    hint: INSTALL,
  },
  {
    what: 'exports a file that is not there',
    manifest: { exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } } },
    code: 'PLUGIN_IMPORT',
    message: 'broken 1.2.3 cannot be imported: its main file ./dist/index.js is not there',
    hint: /Build it/,
  },
  {
    what: 'exports nothing that can be imported',
    manifest: { exports: { './extra': './extra.js' } },
    code: 'PLUGIN_IMPORT',
    message: 'broken 1.2.3 cannot be imported: its package.json exports nothing as "."',
    hint: /package\.json/,
  },
  {
    what: 'has a main file that is not there',
    manifest: { exports: undefined, main: 'lib/main.js' },
    code: 'PLUGIN_IMPORT',
    message: 'broken 1.2.3 cannot be imported: its main file lib/main.js is not there',
    hint: /Build it/,
  },
  // Importing it
  {
    what: 'throws when it is imported',
    body: "throw new Error('boom')",
    code: 'PLUGIN_IMPORT',
    message: 'broken 1.2.3 cannot be imported: boom',
    hint: FAULT,
  },
  {
    what: 'does not parse',
    body: 'export default {',
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: \S/,
    hint: FAULT,
  },
  {
    what: 'waits for ever while it is imported',
    body: `await ${HANG}`,
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: its import has not ended within 10 s$/,
    hint: FAULT,
  },
  {
    what: 'lacks a dependency of its own',
    body: "import 'redis-of-nobody'",
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: Cannot find package 'redis-of-nobody'/,
    hint: /its own dependencies/,
  },
  {
    what: 'is CommonJS and lacks a dependency of its own',
    manifest: { type: 'commonjs' },
    body: "require('redis-of-nobody')",
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: Cannot find module 'redis-of-nobody'$/,
    hint: /its own dependencies/,
  },
  {
    what: 'had its native part left out',
    manifest: { type: 'commonjs' },
    body: "module.exports = require('./build/Release/addon.node')",
    files: { 'node_modules/broken/build/Release/addon.node': 'not an object file' },
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: .*addon\.node/,
    hint: FAULT,
  },
  // Its shape
  {
    what: 'has no default export',
    body: 'export const plugin = 1',
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 has no default export',
    hint: DEFINE,
  },
  {
    what: 'is CommonJS without a definition',
    manifest: { type: 'commonjs' },
    body: 'exports.plugin = 1',
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: the default export was not made with definePlugin',
    hint: DEFINE,
  },
  {
    what: 'exports a function',
    body: 'export default () => ({})',
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: the default export is not a definition',
    hint: DEFINE,
  },
  {
    what: 'was not made with definePlugin',
    body: plugin({ "[Symbol.for('p2p-playground.plugin')]": 'false' }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: the default export was not made with definePlugin',
    hint: DEFINE,
  },
  {
    what: 'exports an empty list',
    body: 'export default []',
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 exports an empty list',
    hint: DEFINE,
  },
  {
    what: 'has something else in its list',
    body: `export default [${definition()}, 5]`,
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3[1]: the default export is not a definition',
    hint: DEFINE,
  },
  {
    what: 'is of a kind that there is not',
    body: plugin({ kind: "'health'" }),
    code: 'PLUGIN_SHAPE',
    message:
      'broken 1.2.3: kind is "health", not one of runtime, health-checker, log-sink, discovery',
    hint: DEFINE,
  },
  {
    what: 'has a name with capitals',
    body: plugin({ name: "'Broken'" }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: name is "Broken", not lower-case letters, digits and dashes',
    hint: DEFINE,
  },
  {
    what: 'has a number for its api',
    body: plugin({ api: '1.0' }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: api is number, not a text like "1.0"',
    hint: DEFINE,
  },
  {
    what: 'has a whole version for its api',
    body: plugin({ api: "'1.0.0'" }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: api is "1.0.0", not a text like "1.0"',
    hint: DEFINE,
  },
  {
    what: 'has no schema for its config',
    body: plugin({ config: '{}' }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: config is not a schema (https://standardschema.dev)',
    hint: DEFINE,
  },
  {
    what: 'has no create',
    body: plugin({ create: 'undefined' }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3: create is undefined, not a function',
    hint: DEFINE,
  },
  {
    what: 'is written for an api of tomorrow',
    body: plugin({ api: "'1.7'" }),
    code: 'PLUGIN_API',
    message: 'broken 1.2.3 is written for plugin API 1.7, this is 1.0',
    hint: /older version of the plugin/,
  },
  {
    what: 'is written for an api of yesterday',
    body: plugin({ api: "'0.9'" }),
    code: 'PLUGIN_API',
    message: 'broken 1.2.3 is written for plugin API 0.9, this is 1.0',
    hint: /newer version of the plugin/,
  },
  // Its configuration
  {
    what: 'is given a key that it does not know',
    body: VALIBOT,
    yaml: withConfig('host: a', 'prot: 5'),
    code: 'PLUGIN_CONFIG',
    message: 'config of broken 1.2.3: unknown key "prot"',
    hint: /Did you mean "port"\?.*plugins inspect broken/,
    at: '5:7',
  },
  {
    what: 'is given a text for a number',
    body: VALIBOT,
    yaml: withConfig('host: a', 'port: many'),
    code: 'PLUGIN_CONFIG',
    message: 'config of broken 1.2.3: "port" must be a number, not "many"',
    hint: /plugins inspect broken/,
    at: '5:7',
  },
  {
    what: 'is not given what it needs',
    body: VALIBOT,
    code: 'PLUGIN_CONFIG',
    message: 'config of broken 1.2.3: "host" is missing',
    hint: /plugins inspect broken/,
  },
  {
    what: 'is given a wrong key within a key',
    body: VALIBOT,
    yaml: withConfig('host: a', 'tls:', '  verfy: true'),
    code: 'PLUGIN_CONFIG',
    message:
      /config of broken 1\.2\.3: "tls\.verify" is missing\nFILE:6:9: unknown key "tls\.verfy"/,
    hint: /Did you mean "verify"\?/,
    at: '5:7',
  },
  {
    what: 'is given a wrong item of a list',
    body: VALIBOT,
    yaml: withConfig('host: a', 'labels:', '  - fine', '  - 5'),
    code: 'PLUGIN_CONFIG',
    message: 'config of broken 1.2.3: "labels.1" must be text, not 5',
    hint: /quotes/,
    at: '7:11',
  },
  {
    what: 'is given several things that are wrong',
    body: VALIBOT,
    yaml: withConfig('port: many', 'labels: none', 'hots: a'),
    code: 'PLUGIN_CONFIG',
    message: new RegExp(
      [
        'config of broken 1\\.2\\.3: "host" is missing',
        'FILE:4:7: "port" must be a number, not "many"',
        'FILE:5:7: "labels" must be a list, not "none"',
        'FILE:6:7: unknown key "hots"',
      ].join('\n'),
    ),
    hint: /Did you mean "host"\?/,
    at: '3:5',
  },
  {
    what: 'has a schema of another library that refuses',
    body: plugin({
      config: `{ '~standard': { version: 1, vendor: 'zod', validate: () => ({ issues: [
        { message: 'Too small', path: ['pool', 0, { key: 'size' }] },
        { code: 'unrecognized_keys', keys: ['b'], path: [], message: 'Unrecognized key' } ] }) } }`,
    }),
    yaml: withConfig('pool:', '  - size: 0', 'b: 1'),
    code: 'PLUGIN_CONFIG',
    message: /config of broken 1\.2\.3: "pool\.0\.size": Too small\nFILE:6:7: unknown key "b"/,
    hint: /plugins inspect broken/,
    at: '5:11',
  },
  {
    what: 'has a schema that throws later',
    body: plugin({
      config: `{ '~standard': { version: 1, vendor: 'test', validate: async () => { throw new Error('no') } } }`,
    }),
    code: 'PLUGIN_CONFIG',
    message: 'config of broken 1.2.3 (broken) cannot be checked: no',
    hint: /fault of the plugin/,
  },
  {
    what: 'has a schema that never ends',
    body: plugin({
      config: `{ '~standard': { version: 1, vendor: 'test', validate: () => ${HANG} } }`,
    }),
    code: 'PLUGIN_CONFIG',
    message: /\(broken\) cannot be checked: its schema has not ended within 10 s$/,
    hint: /fault of the plugin/,
  },
  {
    what: 'has a schema that gives nothing',
    body: plugin({ config: `{ '~standard': { version: 1, vendor: 'test', validate: () => {} } }` }),
    code: 'PLUGIN_CONFIG',
    message: /cannot be checked: its schema gave neither a value nor issues/,
    hint: /fault of the plugin/,
  },
  // Making it
  {
    what: 'throws when it is made',
    body: plugin({ create: "() => { throw new Error('no luck') }" }),
    code: 'PLUGIN_START',
    message: 'broken 1.2.3 (health-checker "broken") cannot be made: no luck',
    hint: FAULT,
  },
  {
    what: 'makes nothing',
    body: plugin({ create: '() => {}' }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave undefined instead of a health-checker',
    hint: /check\(\) and the schema "spec"/,
  },
  {
    what: 'makes a promise',
    body: plugin({ create: `async () => ${CHECK}` }),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a promise: what takes time belongs to open',
    hint: /health-checker/,
  },
  {
    what: 'makes a health checker without check',
    body: kind('health-checker', '{ spec: {} }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a health-checker without check()',
    hint: /check\(\)/,
  },
  {
    what: 'makes a health checker without spec',
    body: kind('health-checker', '{ check: async () => {} }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a health-checker whose spec is not a schema',
    hint: /spec/,
  },
  {
    what: 'makes half a runtime',
    body: kind('runtime', '{ start() {}, stop() {}, wait() {} }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a runtime without support(), adopt(), usage()',
    hint: /support\(\), start\(\)/,
  },
  {
    what: 'makes a log sink that cannot write',
    body: kind('log-sink', '{ send() {} }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a log-sink without write()',
    hint: /write\(\)/,
  },
  {
    what: 'makes a discovery that cannot watch',
    body: kind('discovery', '{ watch: 5 }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a discovery without watch()',
    hint: /watch\(\)/,
  },
  {
    what: 'has an open that is no function',
    body: kind('log-sink', '{ write() {}, open: true }'),
    code: 'PLUGIN_SHAPE',
    message: 'broken 1.2.3 (broken): create gave a log-sink whose open is boolean, not a function',
    hint: /log-sink/,
  },
  // Names
  {
    what: 'has the name of another one',
    body: plugin(),
    files: {
      'node_modules/second/package.json':
        '{ "name": "second", "version": "2.0.0", "type": "module", "exports": "./index.js" }',
      'node_modules/second/index.js': plugin(),
    },
    yaml: ['- broken', '- second'],
    code: 'PLUGIN_DUPLICATE',
    message: 'second 2.0.0 and broken 1.2.3 both define health-checker "broken"',
    hint: /name is given once/,
    at: '3:5',
  },
  {
    what: 'has the name of a built-in one',
    body: plugin({ name: "'http'" }),
    code: 'PLUGIN_DUPLICATE',
    message:
      /^broken 1\.2\.3 and @p2p-playground\/health-http \S+ both define health-checker "http"$/,
    hint: /rename/,
  },
  {
    what: 'is named twice',
    body: plugin(),
    yaml: ['- broken', '- use: broken'],
    code: 'PLUGIN_DUPLICATE',
    message: /^broken is named twice, first at FILE:2:5$/,
    hint: /once/,
    at: '3:5',
  },
  // Starting it
  {
    what: 'hangs when it is started',
    body: plugin({ create: `() => ({ ...${CHECK}, open: () => ${HANG} })` }),
    step: 'open',
    code: 'PLUGIN_START',
    message:
      /^broken 1\.2\.3 \(health-checker "broken"\) does not start: it has not opened within 10 s$/,
    hint: /optional: true/,
  },
  {
    what: 'cannot start',
    body: plugin({
      create: `() => ({ ...${CHECK}, open: async () => { throw new Error('no server') } })`,
    }),
    step: 'open',
    code: 'PLUGIN_START',
    message: 'broken 1.2.3 (health-checker "broken") does not start: no server',
    hint: /optional: true/,
  },
  {
    what: 'cannot start and throws a text',
    body: plugin({ create: `() => ({ ...${CHECK}, open: () => { throw 'no server' } })` }),
    step: 'open',
    code: 'PLUGIN_START',
    message: 'broken 1.2.3 (health-checker "broken") does not start: no server',
    hint: /optional: true/,
  },
]

/** Where the tests' own packages are: broken plugins may use valibot. */
const VALIBOT_DIR = join(import.meta.dirname, '../../../../node_modules/valibot')

/** Puts the plugin where `plugins install` would, and gives the text of a daemon.yaml that names it. */
export function installBroken(broken: BrokenPlugin, root: string): string {
  const { body, manifest = {}, files = {} } = broken
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  write('package.json', JSON.stringify({ dependencies: { broken: '1.2.3' } }))
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  symlinkSync(VALIBOT_DIR, join(root, 'node_modules', 'valibot'))
  if (body !== undefined || broken.manifest !== undefined) {
    const base = { name: 'broken', version: '1.2.3', type: 'module', exports: './index.js' }
    const text = typeof manifest === 'string' ? manifest : JSON.stringify({ ...base, ...manifest })
    write('node_modules/broken/package.json', text)
    if (body !== undefined) write('node_modules/broken/index.js', body)
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  const entries = (broken.yaml ?? ['- use: broken']).map((line) => `  ${line}`)
  return ['plugins:', ...entries, ''].join('\n')
}

/** The whole message, for a daemon.yaml at `file`. */
export function messageOf({ message, at = ENTRY }: BrokenPlugin, file: string): RegExp {
  const text =
    typeof message === 'string'
      ? `^${escaped(message)}$`
      : message.source.replaceAll('FILE', escaped(file))
  const place = `${escaped(file)}:${at}: `
  return new RegExp(text.startsWith('^') ? `^${place}${text.slice(1)}` : `^${place}.*${text}`)
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
