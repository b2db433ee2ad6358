#!/usr/bin/env -S node --initial-old-space-size=256 --max-semi-space-size=1
// Runs on old versions of Node too: finds the one that the packages brought along and becomes it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** Set for the Node that we start, so that one that is too old as well does not start another. */
const STARTED = 'P2P_PLAYGROUND_STARTED'

/**
 * As in the first line. MiB: buffers of packages that pass through are freed by small collections, often, instead of
 * setting off large ones.
 */
const HEAP = ['--initial-old-space-size=256', '--max-semi-space-size=1']

const [major, minor] = process.versions.node.split('.').map(Number)

if (major > 22 || (major === 22 && minor >= 13)) await runHere()
else runOnNewerNode()

async function runHere() {
  delete process.env[STARTED]
  const { enableCompileCache } = await import('node:module')
  const cache = compileCache()
  if (cache !== undefined) enableCompileCache(cache)
  // What colours text takes a CI for a terminal, and decides when it is loaded.
  if (!process.stdout.isTTY && process.env.FORCE_COLOR === undefined) process.env.NO_COLOR ??= '1'
  const { runCli } = await import('../dist/main.js')
  await runCli(import.meta.url)
}

/** Node's own choice lies in the directory for temporary files, where anybody could put code for us to run. */
function compileCache() {
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME, HOME } = process.env
  if (NODE_COMPILE_CACHE) return NODE_COMPILE_CACHE
  const caches = XDG_CACHE_HOME || (HOME ? join(HOME, '.cache') : undefined)
  return caches === undefined ? undefined : join(caches, 'p2p-playground', 'compiled')
}

function runOnNewerNode() {
  const node = process.env[STARTED] === undefined ? findNode() : undefined
  if (node === undefined) {
    console.error(
      `Error USAGE: p2p-playground needs Node 22.13 or newer, this is ${process.versions.node}`,
    )
    console.error(
      'Install a newer Node (https://nodejs.org), or run "npm install" in the checkout, which brings one.',
    )
    process.exit(1)
  }
  const child = spawn(node, [...HEAP, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [STARTED]: '1' },
  })
  const passOn = (signal) => child.kill(signal)
  for (const signal of SIGNALS) process.on(signal, passOn)
  child.on('error', (error) => {
    console.error(`Error INTERNAL: cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const name of SIGNALS) process.removeListener(name, passOn)
    // Ends as it did; the exit is for signals that cannot end this process.
    process.kill(process.pid, signal)
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100)
  })
}

function findNode() {
  const name = `node-${process.platform}-${process.arch}`
  let dir = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(dir, 'node_modules', name, 'bin', 'node')
    if (existsSync(candidate)) return candidate
    const parent = dirname(dir)
    if (parent === dir) return undefined
    dir = parent
  }
}
