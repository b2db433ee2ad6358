export { loadRevokedKeys, loadTrustedKeys } from '../trusted-keys.js'
export { loadDaemonConfig } from './load.js'
export type { DaemonConfig, LoadedDaemonConfig, PluginEntry } from './load.js'
export { daemonSchema } from './schema.js'
