import { BaseCommand } from '../base-command.js'
import { formatInvitation } from '../invitation.js'

export default class Invite extends BaseCommand {
  static override summary = 'Print a token with which another machine joins.'
  static override description =
    'The token holds the PSK, the trusted public keys with their limits, the revoked keys and the addresses of this node. Whoever has it can enter the network: hand it over as a secret.'
  static override examples = [
    '<%= config.bin %> invite',
    '$ ssh first p2p-playground invite | <%= config.bin %> join -',
  ]

  async run(): Promise<void> {
    const { flags } = await this.parse(Invite)
    const { loadDaemonConfig } = await import('@p2p-playground/daemon/config')
    const { daemonStatus } = await import('../daemon-process.js')
    const { parsePublicKey, publicKeyText, revokedFingerprints } =
      await import('@p2p-playground/core/bundle')
    const { config } = await loadDaemonConfig(this.configRequest(flags))
    const psks = config.p2p.psk.map((psk) => Buffer.from(psk).toString('hex'))
    const status = await daemonStatus(this.home)
    const keys = config.security.trustedPublicKeys.map((key) => ({
      name: key.name,
      type: key.key_type,
      publicKey: publicKeyText(
        parsePublicKey(key.public_key).export({ type: 'spki', format: 'der' }),
      ),
      roles: key.roles,
      apps: key.apps,
      notAfterMs: key.not_after ?? null,
    }))
    // Hex stays as it is; a PEM file of this machine is named by its fingerprint.
    const revokedKeys = config.security.revokedKeys.flatMap((text) =>
      revokedFingerprints(text).slice(0, 1),
    )
    const addresses = status?.addresses ?? []
    const token = formatInvitation({ psks, keys, revokedKeys, addresses })
    if (flags.json) this.printJson({ token, addresses, keys: keys.map((key) => key.name) })
    else this.log(token)
    this.warning('the token is a secret: whoever has it can enter the network')
    if (status === undefined)
      this.warning(
        'no daemon runs here, so the token holds no address; the new node must find others by mDNS',
      )
    if (psks.length === 0) this.warning('this network has no PSK: anybody can connect')
  }
}
