export { checkDefinitions } from './check-definition.js'
export { checkPlugin } from './check-plugin.js'
export { isCompatible } from './compat.js'
export { PluginRegistry } from './registry.js'
