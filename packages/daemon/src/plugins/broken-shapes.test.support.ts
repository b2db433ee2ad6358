import { CHECK, FAULT, definition, plugin } from './broken-plugin.test.support.js'
import type { BrokenPlugin } from './broken-plugin.test.support.js'

const DEFINE = /definePlugin/
const kind = (name: string, created: string): string =>
  plugin({ kind: `'${name}'`, create: `() => (${created})` })

/** Plugins that are none, that cannot be made, or have a name that is taken. */
export const BROKEN_SHAPES: readonly BrokenPlugin[] = [
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
]
