import { Args } from '@oclif/core'
import { BaseCommand } from '../base-command.js'
import { harmless, table } from '../format.js'

export default class Inspect extends BaseCommand {
  static override summary = 'Show what is in a package, without trusting it.'
  static override examples = [
    '<%= config.bin %> inspect app-1.0.0.p2p',
    '<%= config.bin %> inspect app-1.0.0.p2p --json',
  ]
  static override args = { file: Args.string({ description: 'Package.', required: true }) }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Inspect)
    const { inspectBundle } = await import('@p2p-playground/core/bundle')
    const { formatBytes } = await import('@p2p-playground/core')
    const found = await inspectBundle(args.file, { signal: this.signal })
    const { id, signed, archiveBytes, unpackedBytes, files, manifest } = found
    if (flags.json) {
      this.printJson({ ...id, signed, archiveBytes, unpackedBytes, manifest, files })
      return
    }
    this.log(`${id.app}@${id.version}  ${signed ? 'signed' : 'not signed'}`)
    this.log(`digest   ${id.digest}`)
    this.log(`size     ${formatBytes(archiveBytes)} packed, ${formatBytes(unpackedBytes)} unpacked`)
    this.log('')
    this.log(found.manifestText.trimEnd().split('\n').map(harmless).join('\n'))
    this.log('')
    this.log(
      await table(
        ['SIZE', 'TYPE', 'PATH'],
        files.map((file) => [formatBytes(file.sizeBytes), file.type, harmless(file.path)]),
      ),
    )
  }
}
