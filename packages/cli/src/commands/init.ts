import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Flags } from '@oclif/core'
import { ROLES } from '@p2p-playground/core'
import { BaseCommand } from '../base-command.js'
import { nextCommand } from '../given-home.js'
import { isTrustedHere } from '../key-trust.js'
import { labelsOf } from '../labels.js'
import {
  checkNewNode,
  controllerYaml,
  daemonYaml,
  ensurePsk,
  newNodeFlags,
  writeNew,
} from '../setup.js'

/** What only a new daemon.yaml takes in. */
const FOR_DAEMON_YAML = ['--name', '--label', '--labels', '--listen', '--mdns', '--no-mdns']

export default class Init extends BaseCommand {
  static override summary =
    'Set this machine up: signing key, PSK, daemon.yaml and controller.yaml.'
  static override description =
    'After it, "daemon start", "pack", "deploy" and "logs" need no flags. What is there already stays as it is. More machines join with "invite" and "join".'
  static override examples = [
    '<%= config.bin %> init',
    '<%= config.bin %> init --name node-1 --label env=test',
  ]
  static override flags = {
    ...newNodeFlags,
    force: Flags.boolean({
      description: 'Write daemon.yaml and controller.yaml anew. Keys and PSK always stay.',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Init)
    const { home } = this
    const labels = labelsOf(flags.label)
    await checkNewNode(flags)
    const { generateSigningKey, loadSigningKey, publicKeyText, writeSigningKey } =
      await import('@p2p-playground/core/bundle')
    const made: string[] = []
    const kept: string[] = []
    const { daemonConfig, controllerConfig } = home
    if (flags.force)
      for (const path of [daemonConfig, controllerConfig]) await rm(path, { force: true })
    const ensure = async (path: string, make: () => Promise<unknown>): Promise<void> => {
      if (existsSync(path)) {
        kept.push(path)
        return
      }
      await make()
      made.push(path)
    }
    await ensure(home.signingKey, async () =>
      writeSigningKey(dirname(home.signingKey), generateSigningKey('ed25519')),
    )
    await ensure(home.swarmKey, async () => ensurePsk(home))
    const key = await loadSigningKey(home.signingKey)
    const { spki, type } = key
    const psk = await ensurePsk(home)
    const publicKey = publicKeyText(spki)
    const may = { roles: ROLES, apps: ['*'], notAfterMs: null }
    await ensure(home.daemonConfig, async () =>
      writeNew(
        home.daemonConfig,
        await daemonYaml({
          name: flags.name,
          labels,
          listen: flags.listen,
          mdns: flags.mdns,
          psks: [psk],
          keys: [{ name: 'owner', type, publicKey, ...may }],
        }),
      ),
    )
    await ensure(home.controllerConfig, async () =>
      writeNew(home.controllerConfig, await controllerYaml({ mdns: flags.mdns, keyType: type })),
    )
    if (kept.includes(daemonConfig) && !(await isTrustedHere(key, this.configRequest(flags)))) {
      this.warning(
        `${daemonConfig} stays as it was and does not trust this key; add to security.trusted_public_keys: ${publicKey.trim()}`,
      )
    }
    const ignored = kept.includes(daemonConfig)
      ? FOR_DAEMON_YAML.filter((flag) => this.argv.some((word) => word.replace(/=.*/, '') === flag))
      : []
    if (ignored.length > 0) {
      this.warning(
        `${daemonConfig} stays as it was: ${ignored.join(', ')} changed nothing; edit it, or write it anew with --force`,
      )
    }
    if (flags.json) {
      this.printJson({ home: home.config, made, kept, publicKey })
      return
    }
    for (const path of made) this.log(`made  ${path}`)
    for (const path of kept) this.log(`kept  ${path}`)
    this.log(`\nNext: ${nextCommand('daemon start')}`)
  }
}
