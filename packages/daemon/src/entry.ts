import 'reflect-metadata'
import { closeSync, fstatSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { asPlaygroundError, fileError } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
import { loadDaemonConfig } from './config/index.js'
import { startDaemon } from './daemon.js'
import { releaseMemorySoon } from './release-memory.js'

/** Whoever starts the daemon may hold a pipe here: it gets one line of JSON, when ready or failed. */
const READY_FD = 3

const { values } = parseArgs({
  options: {
    home: { type: 'string' },
    config: { type: 'string' },
    env: { type: 'string' },
    foreground: { type: 'boolean', default: false },
  },
})
if (values.home !== undefined) process.env['P2P_PLAYGROUND_HOME'] = values.home

try {
  const home = resolveHome(process.env)
  const loaded = await loadDaemonConfig({
    home,
    env: process.env,
    config: values.config,
    environment: values.env,
  })
  const daemon = await startDaemon({ home, loaded, foreground: values.foreground })
  announce({ ready: true, ...daemon.run })
  releaseMemorySoon()
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      void daemon.stop().finally(() => {
        process.exit(0)
      })
    })
  }
} catch (error) {
  const { code, message, hint, details, row } = asPlaygroundError(fileError(error))
  if (!announce({ error: { code, message, hint, details } })) {
    process.stderr.write(`Error ${code}: ${message}\n${hint === undefined ? '' : `${hint}\n`}`)
  }
  process.exit(row.exit)
}

function announce(message: object): boolean {
  if (!isPipe(READY_FD)) return false
  writeSync(READY_FD, `${JSON.stringify(message)}\n`)
  closeSync(READY_FD)
  return true
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    // Nobody gave us that descriptor.
    return false
  }
}
