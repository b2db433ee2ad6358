import { PlaygroundError } from '../errors.js'
import { PLUGIN_KINDS } from '../contracts/plugin.js'
import type { PluginDefinition } from '../contracts/plugin.js'
import { isRecord, isSchema, show } from './check-value.js'
import { PLUGIN_API, isCompatible, isNewer } from './compat.js'
import { PLUGIN_BRAND } from './define.js'

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const API = /^\d+\.\d+$/

const TOO_NEW = 'Install an older version of the plugin, or a newer p2p-playground.'
const TOO_OLD = 'Install a newer version of the plugin: this one was written for an older daemon.'

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
  const value = interop(exported)
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) {
    throw new PlaygroundError('PLUGIN_SHAPE', `${from} exports an empty list`, {
      hint: 'Put at least one definition into it, made with definePlugin.',
    })
  }
  return list.map((one, index) =>
    checkDefinition(one, list.length === 1 ? from : `${from}[${String(index)}]`),
  )
}

/** CommonJS that was compiled from ESM: `import` gives all its exports as the default one. */
function interop(exported: unknown): unknown {
  const isCompiled = isRecord(exported) && exported['__esModule'] === true
  return isCompiled && 'default' in exported ? exported['default'] : exported
}

function checkDefinition(value: unknown, from: string): PluginDefinition {
  const wrong = (what: string): PlaygroundError =>
    new PlaygroundError('PLUGIN_SHAPE', `${from}: ${what}`, {
      hint: 'Make the definition with definePlugin of @p2p-playground/core.',
    })
  if (!isRecord(value)) throw wrong('the default export is not a definition')
  if (value[PLUGIN_BRAND] !== true) throw wrong('the default export was not made with definePlugin')
  const { kind, name, api, config, create } = value
  if (!PLUGIN_KINDS.some((known) => known === kind)) {
    throw wrong(`kind is ${show(kind)}, not one of ${PLUGIN_KINDS.join(', ')}`)
  }
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw wrong(`name is ${show(name)}, not lower-case letters, digits and dashes`)
  }
  if (typeof api !== 'string' || !API.test(api)) {
    throw wrong(`api is ${show(api)}, not a text like "1.0"`)
  }
  if (!isSchema(config)) throw wrong('config is not a schema (https://standardschema.dev)')
  if (typeof create !== 'function') throw wrong(`create is ${show(create)}, not a function`)
  if (!isCompatible(api)) {
    throw new PlaygroundError(
      'PLUGIN_API',
      `${from} is written for plugin API ${api}, this is ${PLUGIN_API}`,
      { hint: isNewer(api) ? TOO_NEW : TOO_OLD },
    )
  }
  return value as unknown as PluginDefinition
}
