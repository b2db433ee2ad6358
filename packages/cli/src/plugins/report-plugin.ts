import type { PluginKind } from '@p2p-playground/core'
import { nextCommand } from '../given-home.js'
import type { InstalledPlugin } from './install-plugin.js'

export interface PluginReport {
  readonly name: string
  readonly version: string
  readonly plugins: readonly { readonly kind: PluginKind; readonly name: string }[]
  readonly commands: readonly string[]
  /** Lines for daemon.yaml; null when a daemon has no use for the package, or names it already. */
  readonly daemonYaml: string | null
  readonly warnings: readonly string[]
}

/** How an app, or a node, comes to use a plugin that is loaded. */
const USES: Readonly<Record<PluginKind, (name: string) => string | undefined>> = {
  'health-checker': (name) => `in an app's manifest.yaml: health_check: { type: ${name} }`,
  runtime: (name) =>
    `in an app's manifest.yaml: runtime: ${name}; for all apps in daemon.yaml: runtime: { default: ${name} }`,
  'log-sink': (name) => `in daemon.yaml: logging: { sinks: [${name}] }`,
  discovery: () => undefined,
}

/** What a package that was installed brings; `named` when daemon.yaml has it already. */
export function reportOf(plugin: InstalledPlugin, named: boolean): PluginReport {
  const { name, version, contents } = plugin
  const { definitions, commands, hooks, fault } = contents
  const warnings: string[] = []
  if (fault !== undefined) {
    const hint = fault.hint === undefined ? '' : `. ${fault.hint}`
    warnings.push(`${fault.code}: ${fault.message}${hint}`)
  }
  if (fault === undefined && definitions.length + commands.length + hooks.length === 0) {
    warnings.push(
      `${name} holds neither commands nor a plugin for daemons: no default export made by definePlugin, no "oclif" in its package.json`,
    )
  }
  const isWanted = definitions.length > 0 && !named
  return {
    name,
    version,
    plugins: definitions,
    commands,
    daemonYaml: isWanted ? `plugins:\n  - use: '${name}'\n` : null,
    warnings,
  }
}

/** For people: what it brings, and what is left to do. */
export function reportLines(report: PluginReport, daemonConfig: string): string[] {
  const lines = report.plugins.map(({ kind, name }) => `  ${kind} "${name}", for daemons`)
  if (report.commands.length > 0) lines.push(`  commands: ${report.commands.join(', ')}`)
  if (report.plugins.length === 0) return lines
  if (report.daemonYaml === null) lines.push('', `${daemonConfig} names it already.`)
  else lines.push('', `For ${daemonConfig}:`, '', report.daemonYaml.trimEnd())
  const uses = report.plugins.flatMap(({ kind, name }) => USES[kind](name) ?? [])
  lines.push('', ...uses.map((use) => `To use it, ${use}`))
  const isChecker = report.plugins.some(({ kind }) => kind === 'health-checker')
  const where = isChecker ? '"config" and "health_check"' : '"config"'
  lines.push(
    `What it takes under ${where}: ${nextCommand(`plugins inspect ${report.name}`)}`,
    `A daemon that runs takes it at its next start: ${nextCommand('daemon stop')}, then daemon start`,
  )
  return lines
}
