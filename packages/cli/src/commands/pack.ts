import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../base-command.js'
import { withProgress } from '../progress.js'
import { findSigningKey } from '../signing.js'

export default class Pack extends BaseCommand {
  static override summary = 'Pack an application directory into a signed .p2p file.'
  static override description =
    'The directory has a manifest.yaml. Everything else in it is packed as well, .env too, but not .git, nor what a .p2pignore beside the manifest names in the syntax of .gitignore. The same tree always gives the same bytes. With SOURCE_DATE_EPOCH in the environment, that becomes "created_at" where the manifest has none.'
  static override examples = [
    '<%= config.bin %> pack examples/hello-js',
    '<%= config.bin %> pack ./app --key keys/signing.key --out app.p2p',
    '$ echo .env >> ./app/.p2pignore && <%= config.bin %> pack ./app',
  ]
  static override args = {
    dir: Args.string({ description: 'Application directory.', required: true }),
  }
  static override flags = {
    key: Flags.string({ char: 'k', description: "Private key; default: the controller's." }),
    'no-sign': Flags.boolean({ description: 'Leave the package unsigned.', exclusive: ['key'] }),
    out: Flags.string({ char: 'o', description: 'File to write; default NAME-VERSION.p2p here.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Pack)
    const { packDirectory, sourceDateMs } = await import('@p2p-playground/core/bundle')
    const key = flags['no-sign']
      ? undefined
      : await findSigningKey(flags.key, this.configRequest(flags))
    const packed = await withProgress('packing', flags.json, async (onProgress) =>
      packDirectory({
        dir: args.dir,
        outPath: flags.out,
        createdAtMs: sourceDateMs(process.env),
        key,
        onProgress: (doneBytes, totalBytes) => {
          this.signal.throwIfAborted()
          onProgress(doneBytes, totalBytes)
        },
      }),
    )
    const { id, path, sizeBytes, signed, ignored } = packed
    if (flags.json) {
      this.printJson({
        path,
        app: id.app,
        version: id.version,
        digest: id.digest,
        sizeBytes,
        signed,
        ignored,
      })
      return
    }
    const { formatBytes } = await import('@p2p-playground/core')
    const facts = [path, `${id.app}@${id.version}`, formatBytes(sizeBytes)]
    facts.push(signed ? 'signed' : 'not signed')
    if (ignored > 0) facts.push(`${String(ignored)} ignored`)
    this.log(facts.join('  '))
    if (!signed)
      this.warning(
        'nodes refuse unsigned packages; make a key with "p2p-playground init" or "keygen", then "sign"',
      )
  }
}
