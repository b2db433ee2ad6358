import type { PluginFinding } from './plugin-findings.js'

/** Where daemon.yaml names the package of a finding. */
export const NAMED = { file: 'daemon.yaml', line: 9, column: 5 }

/** A package without plugins that daemon.yaml names, and nothing is wrong with. */
export function finding(change: Partial<PluginFinding>): PluginFinding {
  return {
    package: '@acme/x',
    version: '1.0.0',
    root: '/plugins',
    origin: null,
    named: NAMED,
    builtIn: false,
    optional: false,
    commands: false,
    plugins: [],
    error: null,
    result: 'ok',
    notes: [],
    ...change,
  }
}
