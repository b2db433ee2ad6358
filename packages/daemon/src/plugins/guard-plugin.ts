import type { PluginKind, PluginKinds } from '@p2p-playground/core'
import { guardDiscovery } from './guard-discovery.js'
import { guardHealthChecker } from './guard-health-checker.js'
import { guardLogSink } from './guard-log-sink.js'
import { guardRuntime } from './guard-runtime.js'
import type { GuardedPlugin } from './guarded-call.js'

/** The plugin as the daemon uses it: what it does wrong is told with its name, and stays its own. */
export function guardPlugin<Kind extends PluginKind>(
  kind: Kind,
  plugin: PluginKinds[Kind],
  about: Omit<GuardedPlugin, 'label'>,
): PluginKinds[Kind]
export function guardPlugin(
  kind: PluginKind,
  plugin: unknown,
  about: Omit<GuardedPlugin, 'label'>,
): PluginKinds[PluginKind] {
  const from = { ...about, label: `${kind} "${about.name}" (${about.shown})` }
  switch (kind) {
    case 'runtime':
      return guardRuntime(plugin as PluginKinds['runtime'], from)
    case 'health-checker':
      return guardHealthChecker(plugin as PluginKinds['health-checker'], from)
    case 'discovery':
      return guardDiscovery(plugin as PluginKinds['discovery'], from)
    case 'log-sink':
      return guardLogSink(plugin as PluginKinds['log-sink'], from)
    default:
      return kind satisfies never
  }
}
