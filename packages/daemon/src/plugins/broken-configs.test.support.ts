import { CHECK, HANG, definition, plugin } from './broken-plugin.test.support.js'
import type { BrokenPlugin } from './broken-plugin.test.support.js'

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

/** Plugins that are not content with their configuration, or cannot start with it. */
export const BROKEN_CONFIGS: readonly BrokenPlugin[] = [
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
        { code: 'unrecognized_keys', keys: ['pol'], path: [], message: 'Unrecognized key' } ] }),
        jsonSchema: { input: () => ({ properties: { pool: {} } }) } } }`,
    }),
    yaml: withConfig('pool:', '  - size: 0', 'pol: 1'),
    code: 'PLUGIN_CONFIG',
    message: /config of broken 1\.2\.3: "pool\.0\.size": Too small\nFILE:6:7: unknown key "pol"/,
    hint: /Did you mean "pool"\?.*plugins inspect broken/,
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
    message: /\(broken\) cannot be checked: its schema has not ended within 10s$/,
    hint: /fault of the plugin/,
  },
  {
    what: 'has a schema that gives nothing',
    body: plugin({ config: `{ '~standard': { version: 1, vendor: 'test', validate: () => {} } }` }),
    code: 'PLUGIN_CONFIG',
    message: /cannot be checked: its schema gave neither a value nor issues/,
    hint: /fault of the plugin/,
  },
  // Starting it
  {
    what: 'hangs when it is started',
    body: plugin({ create: `() => ({ ...${CHECK}, open: () => ${HANG} })` }),
    step: 'open',
    code: 'PLUGIN_START',
    message:
      /^broken 1\.2\.3 \(health-checker "broken"\) does not start: it has not opened within 10s$/,
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
