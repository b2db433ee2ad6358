// Bundles the daemon into packages/daemon/dist/daemon.mjs: one file loads faster and takes half the memory of a tree.
import { build } from 'esbuild'

await build({
  entryPoints: ['packages/daemon/dist/entry.js'],
  outdir: 'packages/daemon/dist',
  entryNames: 'daemon',
  chunkNames: 'chunks/[name]-[hash]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minify: true,
  keepNames: true,
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Native code, and plugins, which are loaded by name like a stranger's.
  external: ['sodium-native', '@chainsafe/libp2p-quic'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
