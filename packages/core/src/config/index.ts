export { addressProblem } from './address.js'
export { didYouMean } from './closest.js'
export { resolveHome } from './home.js'
export type { Home } from './home.js'
export { readLayers } from './layers.js'
export { SYSTEM_DIR, isLackingDaemon } from './find-files.js'
export type { ConfigRequest } from './find-files.js'
export type { Layers } from './layers.js'
export { formatSwarmKey, generatePsk, parsePsk } from './psk.js'
export { byteSize, cpuCores, memorySize, stringMap } from './schema-parts.js'
export { readSecretFile } from './secret-file.js'
export {
  modernAddresses,
  p2pSchema,
  readPsks,
  resolveKeyFile,
  resolvePath,
  trustedKeySchema,
  withoutEffect,
} from './sections.js'
export type { TrustedKeyEntry } from './sections.js'
export { showConfig } from './show.js'
export type { ShownValue } from './show.js'
export { checkSchema, problemsOfIssues } from './check-schema.js'
export { standardJsonSchema } from './standard-json-schema.js'
export type { JsonSchema } from './standard-json-schema.js'
export { problemError } from './problems.js'
export type { Problem } from './problems.js'
export { parseYaml } from './strict-yaml.js'
export type { Path } from './strict-yaml.js'
