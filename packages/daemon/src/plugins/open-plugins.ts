import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Logger } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import type { Closers } from '../closers.js'
import type { LoadedDaemonConfig } from '../config/index.js'
import { loadPlugins } from './loader.js'
import type { PluginSet } from './loader.js'
import type { PluginIdentity } from './plugin-scope.js'
import { surviveStrayErrors } from './stray-errors.js'

/** Loads and starts the plugins of a daemon, and keeps what they do wrong later from ending it. */
export async function openPlugins(
  from: {
    readonly home: Home
    readonly loaded: LoadedDaemonConfig
    readonly logger: Logger
    readonly clock: Clock
    /** Makes an event of what a plugin did wrong. */
    readonly record: (message: string) => void
  },
  closers: Closers,
): Promise<PluginSet> {
  const { home, loaded, logger, clock } = from
  let identities: readonly PluginIdentity[] = []
  const beQuiet = surviveStrayErrors({
    plugins: () => identities,
    logger,
    clock,
    onStray: (message) => {
      recordSafely(message, from)
    },
  })
  closers.add('stray errors', beQuiet)
  const { positionOf, expanded } = loaded
  const plugins = await loadPlugins({
    entries: loaded.config.plugins,
    positionOf,
    expanded,
    searchRoots: home.pluginRoots,
    contextFor: async (kind, name) => {
      // Plugins of two kinds may have one name.
      const dataDir = join(home.pluginData, kind, name)
      await mkdir(dataDir, { recursive: true, mode: 0o700 })
      return { logger: logger.child({ plugin: name }), clock, dataDir }
    },
    clock,
  })
  identities = plugins.identities
  closers.add('plugins', () => plugins.close(logger))
  await plugins.open()
  for (const warning of plugins.warnings) {
    logger.warn('plugin', { warning })
    recordSafely(warning, from)
  }
  return plugins
}

/** It comes out of places where nothing may be thrown any more. */
function recordSafely(
  message: string,
  { record, logger }: { readonly record: (message: string) => void; readonly logger: Logger },
): void {
  try {
    record(message)
  } catch (error) {
    logger.error('event-not-recorded', { message, error: errorMessage(error) })
  }
}
