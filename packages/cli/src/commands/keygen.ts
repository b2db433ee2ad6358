import { Flags } from '@oclif/core'
import { BaseCommand } from '../base-command.js'

export default class Keygen extends BaseCommand {
  static override summary = 'Make a signing key.'
  static override description =
    'Writes signing.key (PKCS#8 PEM, mode 0600) and signing.pub (SPKI PEM), and prints what to put into trusted_public_keys of the nodes.'
  static override examples = [
    '<%= config.bin %> keygen --out keys',
    '<%= config.bin %> keygen --type rsa --out keys',
  ]
  static override flags = {
    type: Flags.option({
      options: ['ed25519', 'rsa'] as const,
      description: 'Algorithm.',
      default: 'ed25519' as const,
    })(),
    out: Flags.string({ char: 'o', description: 'Directory for the two files.', default: '.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Keygen)
    const { generateSigningKey, loadSigningKey, publicKeyText, writeSigningKey } =
      await import('@p2p-playground/core/bundle')
    const { keyPath, pubPath } = await writeSigningKey(flags.out, generateSigningKey(flags.type))
    const publicKey = publicKeyText((await loadSigningKey(keyPath)).spki)
    if (flags.json) {
      this.printJson({ type: flags.type, key: keyPath, pub: pubPath, publicKey })
      return
    }
    this.log(`Private key: ${keyPath} (keep it secret)`)
    this.log(`Public key:  ${pubPath}`)
    this.log('For trusted_public_keys in daemon.yaml:')
    this.log(publicKey.trim())
  }
}
