import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { resolveHome } from '@p2p-playground/core/config'
import { loadDaemonConfig } from './load.js'
import type { LoadedDaemonConfig } from './load.js'

export const PSK = 'ab'.repeat(32)
export const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'

/** A fresh home for each test of a file, and what daemons would load of it. */
export function configOfEachTest(): {
  readonly inDir: (name: string) => string
  readonly write: (name: string, text: string, mode?: number) => string
  readonly load: (env?: Record<string, string>, config?: string) => Promise<LoadedDaemonConfig>
} {
  let dir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-config-'))
  })

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return {
    inDir: (name) => join(dir, name),
    write: (name, text, mode = 0o600) => {
      const path = join(dir, name)
      writeFileSync(path, text)
      chmodSync(path, mode)
      return path
    },
    load: async (env = {}, config) => {
      const all = { P2P_PLAYGROUND_HOME: dir, ...env }
      return loadDaemonConfig({ home: resolveHome(all), env: all, config })
    },
  }
}
