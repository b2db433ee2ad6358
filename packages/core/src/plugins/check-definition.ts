import { PlaygroundError } from '../errors.js'
import type { PluginDefinition, PluginKind } from '../contracts/plugin.js'
import { PLUGIN_API, isCompatible } from './compat.js'
import { PLUGIN_BRAND } from './define.js'

const KINDS: readonly PluginKind[] = ['runtime', 'health-checker', 'log-sink', 'discovery']
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

/**
 * The definitions that a package's default export holds.
 * @throws PLUGIN_SHAPE saying which field is wrong, PLUGIN_API
 */
export function checkDefinitions(exported: unknown, from: string): PluginDefinition[] {
  if (exported === undefined) {
    throw new PlaygroundError('PLUGIN_SHAPE', `${from} has no default export`, {
      hint: 'Export definePlugin({…}) by default, or a list of them.',
    })
  }
  const list: unknown[] = Array.isArray(exported) ? exported : [exported]
  if (list.length === 0) throw new PlaygroundError('PLUGIN_SHAPE', `${from} exports an empty list`)
  return list.map((one, index) =>
    checkDefinition(one, list.length === 1 ? from : `${from}[${String(index)}]`),
  )
}

function checkDefinition(value: unknown, from: string): PluginDefinition {
  const wrong = (what: string): PlaygroundError =>
    new PlaygroundError('PLUGIN_SHAPE', `${from}: ${what}`, {
      hint: 'Make the definition with definePlugin of @p2p-playground/core.',
    })
  if (!isRecord(value)) throw wrong('the default export is not a definition')
  if (value[PLUGIN_BRAND] !== true) throw wrong('the default export was not made with definePlugin')
  const { kind, name, api, config, create } = value
  if (!KINDS.some((known) => known === kind)) {
    throw wrong(`kind is ${show(kind)}, not one of ${KINDS.join(', ')}`)
  }
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw wrong(`name is ${show(name)}, not lower-case letters, digits and dashes`)
  }
  if (typeof api !== 'string') throw wrong(`api is ${show(api)}, not a text like "1.0"`)
  if (!isRecord(config) || !('~standard' in config))
    throw wrong('config is not a schema (https://standardschema.dev)')
  if (typeof create !== 'function') throw wrong(`create is ${show(create)}, not a function`)
  if (!isCompatible(api)) {
    throw new PlaygroundError(
      'PLUGIN_API',
      `${from} is written for plugin API ${api}, this is ${PLUGIN_API}`,
      {
        hint: 'Install a version of the plugin that fits, or another version of the daemon.',
      },
    )
  }
  return value as unknown as PluginDefinition
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : typeof value
}
