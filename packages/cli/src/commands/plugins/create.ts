import { basename, relative, resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'

export default class PluginsCreate extends BaseCommand {
  static override summary = 'Begin a plugin: a package that builds and passes its contract test.'
  static override description =
    'TypeScript, with a small plugin of that kind that works, its strict configuration, the contract suite of @p2p-playground/testkit as its test, and a README.'
  static override examples = [
    '<%= config.bin %> plugins create health @acme/p2p-health-redis',
    '<%= config.bin %> plugins create log-sink p2p-logs-kafka --dir ./kafka',
  ]
  static override args = {
    kind: Args.string({
      description: 'What the daemon is to get.',
      options: ['health', 'runtime', 'log-sink', 'discovery'],
      required: true,
    }),
    name: Args.string({ description: 'Name of the npm package.', required: true }),
  }
  static override flags = {
    dir: Flags.string({ description: 'Folder; default: the name, without its scope, here.' }),
    force: Flags.boolean({ description: 'Write into a folder that is not empty.' }),
    local: Flags.boolean({
      description:
        'Take our packages from this installation instead of a registry; default: when it is a checkout.',
      allowNo: true,
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsCreate)
    const { createPlugin } = await import('../../plugins/create-plugin.js')
    const kind = args.kind as Parameters<typeof createPlugin>[0]['kind']
    const dir = resolve(flags.dir ?? basename(args.name))
    const { force, local } = flags
    const created = await createPlugin({ kind, name: args.name, dir, force, local }, this.signal)
    if (flags.json) {
      this.printJson(created)
      return
    }
    for (const path of created.files) this.log(`made  ${path}`)
    this.log(
      `\nNext: cd ${relative(process.cwd(), dir) || '.'} && npm install && npm run build && npm test`,
    )
    this.log('Then: p2p-playground plugins link .')
  }
}
