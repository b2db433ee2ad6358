import { PlaygroundError } from '../errors.js'
import type { PluginKind } from '../contracts/plugin.js'
import { isRecord, isSchema, show } from './check-value.js'

/** What each seam calls. */
const METHODS: Readonly<Record<PluginKind, readonly string[]>> = {
  runtime: ['support', 'start', 'adopt', 'wait', 'stop', 'usage'],
  'health-checker': ['check'],
  'log-sink': ['write'],
  discovery: ['watch'],
}

/** What a plugin may have, and then as a function. */
const LIFECYCLE = ['open', 'close']

/**
 * Looks at what a definition's `create` gave: does it have what its seam needs?
 * @throws PLUGIN_SHAPE saying what is missing
 */
export function checkPlugin(kind: PluginKind, plugin: unknown, from: string): void {
  const wrong = (what: string): PlaygroundError =>
    new PlaygroundError('PLUGIN_SHAPE', `${from}: ${what}`, {
      hint: `What "create" of a ${kind} gives must have ${needs(kind)}.`,
    })
  if (!isRecord(plugin)) throw wrong(`create gave ${show(plugin)} instead of a ${kind}`)
  if (typeof plugin['then'] === 'function') {
    throw wrong('create gave a promise: what takes time belongs to open')
  }
  const missing = METHODS[kind].filter((name) => typeof plugin[name] !== 'function')
  if (missing.length > 0) {
    throw wrong(`create gave a ${kind} without ${missing.map((name) => `${name}()`).join(', ')}`)
  }
  if (kind === 'health-checker' && !isSchema(plugin['spec'])) {
    throw wrong('create gave a health-checker whose spec is not a schema')
  }
  if (kind === 'log-sink' && !isOptionalMs(plugin['lingerMs'])) {
    const { lingerMs } = plugin
    const text = typeof lingerMs === 'number' ? String(lingerMs) : show(lingerMs)
    throw wrong(`create gave a log-sink whose lingerMs is ${text}, not a number of milliseconds`)
  }
  for (const name of LIFECYCLE) {
    if (plugin[name] !== undefined && typeof plugin[name] !== 'function') {
      throw wrong(`create gave a ${kind} whose ${name} is ${show(plugin[name])}, not a function`)
    }
  }
}

function isOptionalMs(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0)
}

function needs(kind: PluginKind): string {
  const methods = METHODS[kind].map((name) => `${name}()`).join(', ')
  return kind === 'health-checker' ? `${methods} and the schema "spec"` : methods
}
