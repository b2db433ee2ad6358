import { Args, Flags } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { AppChangeCommand, appArgsOf, nodeFlags } from '../../app-command.js'
import { parseAppTarget } from '../../app-target.js'
import { harmless, table } from '../../format.js'

export default class AppTag extends AppChangeCommand {
  static override summary = 'Give a version a name, or list the names.'
  static override description =
    'Tags stand wherever a version does: app@TAG. "latest" (the highest release), "stable" (the last that passed its trial) and "dev" (the newest) are there by themselves; nodes never prune a version that was given a tag.'
  static override examples = [
    '<%= config.bin %> app tag hello',
    '<%= config.bin %> app tag hello@1.2.0 demo',
    '<%= config.bin %> app tag hello demo --delete',
  ]
  static override args = {
    ...appArgsOf('the active one gets the tag'),
    tag: Args.string({
      description: 'Lower-case letters, digits, dashes; without it all are listed.',
    }),
  }
  static override flags = {
    ...nodeFlags,
    delete: Flags.boolean({ description: 'Take the tag away.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppTag)
    const { app, version } = parseAppTarget(args.app)
    const { tag } = args
    if (tag === undefined) {
      if (version !== undefined || flags.delete) {
        throw new PlaygroundError('USAGE', 'which tag?', {
          hint: 'p2p-playground app tag NAME[@VERSION] TAG',
        })
      }
      await this.#list(app, flags)
      return
    }
    const action = flags.delete ? 'untag' : 'tag'
    const items = await this.order({ action, app, version, tag }, flags)
    if (flags.json) this.printJson(items)
    else this.log(flags.delete ? `${app} has no tag ${tag} any more` : `${args.app} is ${tag}`)
  }

  async #list(app: string, flags: Parameters<AppTag['order']>[1]): Promise<void> {
    const control = await this.control(flags)
    const { items, failures, answered } = await control.listVersions(
      app,
      this.selector(flags),
      this.signal,
    )
    this.failures(failures, answered)
    const rows = items.flatMap(({ node, version, tags }) =>
      tags.map((tag) => ({ node, tag, version })),
    )
    if (flags.json) this.printJson(rows)
    else
      this.log(
        await table(
          ['NODE', 'TAG', 'VERSION'],
          rows.map((row) => [harmless(row.node), row.tag, row.version]),
        ),
      )
  }
}
