import { FAULT, HANG, plugin } from './broken-plugin.test.support.js'
import type { BrokenPlugin } from './broken-plugin.test.support.js'

const INSTALL = /install it again/i

/** Packages that cannot be found or imported. */
export const BROKEN_PACKAGES: readonly BrokenPlugin[] = [
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
    hint: /^"node \S+\/broken\/index\.js" shows where\. That is for its author to mend/,
  },
  {
    what: 'waits for ever while it is imported',
    body: `await ${HANG}`,
    code: 'PLUGIN_IMPORT',
    message: /^broken 1\.2\.3 cannot be imported: its import has not ended within 10s$/,
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
]
