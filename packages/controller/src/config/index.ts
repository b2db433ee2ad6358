export { loadControllerConfig } from './load.js'
export type { ControllerConfig, LoadedControllerConfig } from './load.js'
export { controllerSchema } from './schema.js'
export { loadControllerKey } from './signing-key.js'
