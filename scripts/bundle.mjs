// Bundles the daemon, the controller and a large plugin into dist/*.mjs: one file loads in a quarter of the time of a tree of
// hundreds, and takes half the memory.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'

const shared = {
  entryNames: '[name]',
  chunkNames: 'chunks/[name]-[hash]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  mainFields: ['module', 'main'],
  target: 'node22',
  minify: true,
  keepNames: true,
  sourcemap: true,
  legalComments: 'none',
  inject: ['scripts/bundled-headers.mjs'],
  logLevel: 'warning',
  write: false,
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
}
const OUT = {
  daemon: 'packages/daemon/dist',
  controller: 'packages/controller/dist',
  logsS3: 'plugins/logs-s3/dist',
}
const NATIVE = ['sodium-native', '@chainsafe/libp2p-quic']

const results = await Promise.all([
  build({
    ...shared,
    entryPoints: { daemon: 'packages/daemon/dist/entry.js' },
    outdir: OUT.daemon,
    // Plugins are loaded by name, like a stranger's.
    external: NATIVE,
  }),
  build({
    ...shared,
    entryPoints: { controller: 'packages/controller/dist/index.js' },
    outdir: OUT.controller,
    // The CLI has loaded its part of it already.
    external: [...NATIVE, '@p2p-playground/core'],
  }),
  build({
    ...shared,
    entryPoints: { 'package-worker': 'packages/controller/dist/package-worker.js' },
    outdir: OUT.controller,
  }),
  build({
    ...shared,
    // The SDK of AWS takes 19 MB when a daemon loads it from node_modules, 8 MB like this.
    entryPoints: { index: 'plugins/logs-s3/dist/index.js' },
    outdir: OUT.logsS3,
    external: ['@p2p-playground/core', 'valibot'],
  }),
])

const files = results.flatMap(({ outputFiles }) => outputFiles)
for (const { path, contents } of files) replace(path, contents)
// Their names change with what they hold: old ones would be published with the new.
const made = new Set(files.map(({ path }) => path))
for (const dir of Object.values(OUT)) {
  const chunks = resolve(dir, 'chunks')
  for (const name of existsSync(chunks) ? readdirSync(chunks) : [])
    if (!made.has(join(chunks, name))) rmSync(join(chunks, name))
}

/** Daemons may be starting from it: it is the old or the new at any time, and as it is when nothing changed. */
function replace(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, contents)
  renameSync(`${path}.new`, path)
}
