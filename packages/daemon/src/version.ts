import { createRequire } from 'node:module'

const manifest = createRequire(import.meta.url)('@p2p-playground/daemon/package.json') as {
  version: string
}

/** Version of the daemon. */
export const VERSION = manifest.version
