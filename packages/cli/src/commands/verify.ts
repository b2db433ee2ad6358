import { Args, Flags } from '@oclif/core'
import type { TrustedKey } from '@p2p-playground/core/bundle'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { BaseCommand } from '../base-command.js'

export default class Verify extends BaseCommand {
  static override summary = 'Check a package as a node would.'
  static override description =
    'Exit code 0 when it may run, 6 when it is refused. Without --trust the keys of daemon.yaml count.'
  static override examples = [
    '<%= config.bin %> verify app-1.0.0.p2p',
    '<%= config.bin %> verify app-1.0.0.p2p --trust keys/signing.pub',
  ]
  static override args = { file: Args.string({ description: 'Package.' }) }
  static override flags = {
    trust: Flags.string({
      char: 't',
      description: 'Public key: hex or PEM file; several may follow.',
      multiple: true,
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Verify)
    // `verify --trust KEY FILE`: the flag takes several values, so the file came with them.
    const [file, trust] =
      args.file === undefined && flags.trust !== undefined && flags.trust.length > 1
        ? [flags.trust.at(-1), flags.trust.slice(0, -1)]
        : [args.file, flags.trust]
    if (file === undefined) {
      throw new PlaygroundError('USAGE', 'the package file is missing', {
        hint: 'Write: p2p-playground verify FILE --trust KEY.',
      })
    }
    const { verifyBundle } = await import('@p2p-playground/core/bundle')
    const { trusted, revoked } = await this.#keys({ ...flags, trust })
    const verified = await verifyBundle({
      path: file,
      trusted,
      revoked,
      nowMs: Date.now(),
      signal: this.signal,
    })
    const { id, signedBy, entries, unpackedBytes } = verified
    if (flags.json) {
      this.printJson({
        ...id,
        signedBy: signedBy.name,
        keyType: signedBy.type,
        fingerprint: signedBy.fingerprint,
        entries,
        unpackedBytes,
      })
      return
    }
    this.log(
      `${file}  ${id.app}@${id.version}  good, signed by ${signedBy.name} (${signedBy.type})`,
    )
  }

  async #keys(flags: {
    readonly trust?: readonly string[] | undefined
    readonly config?: string | undefined
    readonly env?: string | undefined
  }): Promise<{ readonly trusted: readonly TrustedKey[]; readonly revoked: readonly string[] }> {
    const { parsePublicKey, trustedKey } = await import('@p2p-playground/core/bundle')
    if (flags.trust !== undefined) {
      const { resolveKeyFile } = await import('@p2p-playground/core/config')
      const trusted = flags.trust.map((text) => {
        const key = resolveKeyFile(text, process.cwd())
        const type = parsePublicKey(key).asymmetricKeyType === 'rsa' ? 'rsa' : 'ed25519'
        return trustedKey({
          name: text,
          key_type: type,
          public_key: key,
          roles: ['publish'],
          apps: ['*'],
        })
      })
      return { trusted, revoked: [] }
    }
    const { loadDaemonConfig, loadRevokedKeys, loadTrustedKeys } =
      await import('@p2p-playground/daemon/config')
    const loaded = await loadDaemonConfig(this.configRequest(flags))
    return { trusted: loadTrustedKeys(loaded), revoked: loadRevokedKeys(loaded) }
  }
}
