import { Args } from '@oclif/core'
import type { JsonSchema } from '@p2p-playground/core/config'
import { BaseCommand } from '../../base-command.js'
import { harmless, harmlessText, table } from '../../format.js'
import type { InspectedPlugin } from '../../inspect-plugin.js'

const NOT_SHOWN = 'this schema cannot be shown'
/** Only the plugin itself has it; a warning says what is wrong. */
const NOT_MADE = 'not known as long as the plugin cannot be made'

export default class PluginsInspect extends BaseCommand {
  static override summary =
    'Show what a plugin can be told: its keys, their types, defaults and meaning.'
  static override description =
    'NAME is a package or the name of a plugin, in all of its kinds. --json prints JSON Schemas.'
  static override examples = [
    '<%= config.bin %> plugins inspect http',
    '<%= config.bin %> plugins inspect @p2p-playground/health-basic --json',
  ]
  static override args = {
    name: Args.string({ description: 'Package or plugin.', required: true }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsInspect)
    const { inspectPlugins } = await import('../../inspect-plugin.js')
    const request = this.configRequest(flags)
    const { plugins, warnings } = await inspectPlugins(args.name, request, this.signal)
    if (flags.json) {
      this.printJson(plugins)
      return
    }
    for (const warning of warnings) this.warning(warning)
    for (const [index, plugin] of plugins.entries()) {
      if (index > 0) this.log('')
      await this.#print(plugin, warnings.length === 0)
    }
  }

  async #print(plugin: InspectedPlugin, isMade: boolean): Promise<void> {
    const { kind, name, api, version, root, config = null, spec } = plugin
    this.log(harmless(`${kind} ${name}  of ${plugin.package} ${version ?? ''}  plugin API ${api}`))
    if (root !== null) this.log(harmless(`from      ${root}`))
    await this.#printSchema('config in daemon.yaml', config)
    if (spec === undefined) return
    const why = isMade ? NOT_SHOWN : NOT_MADE
    await this.#printSchema('health_check in manifest.yaml', spec, why)
  }

  async #printSchema(title: string, schema: JsonSchema | null, why = NOT_SHOWN): Promise<void> {
    const { schemaRows } = await import('../../schema-rows.js')
    if (schema === null) {
      this.log(`\n${title}: ${why}`)
      return
    }
    const rows = schemaRows(schema).map(({ key, type, fallback, text }) =>
      [key, type, fallback, text].map(harmlessText),
    )
    if (rows.length === 0) this.log(`\n${title}: no keys`)
    else this.log(`\n${title}:\n${await table(['KEY', 'TYPE', 'DEFAULT', 'MEANING'], rows)}`)
  }
}
