export { checkDefinitions } from './check-definition.js'
export { checkPlugin } from './check-plugin.js'
export { PLUGIN_API, isCompatible } from './compat.js'
export { PluginRegistry } from './registry.js'
