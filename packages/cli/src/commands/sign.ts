import { Args, Flags } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { BaseCommand } from '../base-command.js'
import { findSigningKey } from '../signing.js'

export default class Sign extends BaseCommand {
  static override summary = 'Sign a package, or sign it anew with another key.'
  static override examples = ['<%= config.bin %> sign app-1.0.0.p2p --key keys/signing.key']
  static override args = { file: Args.string({ description: 'Package.', required: true }) }
  static override flags = {
    key: Flags.string({ char: 'k', description: "Private key; default: the controller's." }),
    out: Flags.string({ char: 'o', description: 'File to write; default: in place.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Sign)
    const { signBundle } = await import('@p2p-playground/core/bundle')
    const key = await findSigningKey(flags.key, this.configRequest(flags))
    if (key === undefined) {
      throw new PlaygroundError('CONFIG_KEY', 'there is no signing key', {
        hint: 'Name one with --key, or make one with "p2p-playground init" or "p2p-playground keygen".',
      })
    }
    const path = flags.out ?? args.file
    const id = await signBundle(args.file, key, path)
    if (flags.json) this.printJson({ path, ...id, signed: true })
    else this.log(`${path}  ${id.app}@${id.version}  signed (${key.type})`)
  }
}
