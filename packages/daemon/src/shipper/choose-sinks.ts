import { PlaygroundError } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import { didYouMean } from '@p2p-playground/core/config'
import type { LoadedDaemonConfig } from '../config/index.js'
import type { PluginSet } from '../plugins/loader.js'
import type { ConfiguredSink } from './shipping.js'

/**
 * The sinks that `logging.sinks` names, out of those that plugins made.
 * @throws CONFIG_INVALID for a name that no plugin gave, unless it may be that of an optional one that is left out
 */
export function chooseSinks(
  { config, positionOf }: Pick<LoadedDaemonConfig, 'config' | 'positionOf'>,
  { logSinks, warnings }: Pick<PluginSet, 'logSinks' | 'warnings'>,
  logger: Logger,
): ConfiguredSink[] {
  return config.logging.sinks.flatMap(({ name, kinds, path }) => {
    const sink = logSinks.get(name)
    if (sink !== undefined) return [{ name, kinds, sink }]
    if (warnings.length > 0) {
      logger.warn('log-sink-left-out', { sink: name, reason: 'its plugin is left out' })
      return []
    }
    throw new PlaygroundError('CONFIG_INVALID', `no plugin gives a log sink "${name}"`, {
      at: positionOf(path),
      hint: hintFor(name, [...logSinks.keys()]),
    })
  })
}

function hintFor(name: string, known: readonly string[]): string {
  const names =
    known.length === 0
      ? 'Name the plugin of the sink under "plugins".'
      : `There are: ${known.join(', ')}.`
  return didYouMean(name, known) ?? names
}
