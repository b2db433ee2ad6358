import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Args } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { BaseCommand } from '../base-command.js'
import { nextCommand } from '../given-home.js'
import { parseInvitation } from '../invitation.js'
import { labelsOf } from '../labels.js'
import { checkNewNode, daemonYaml, newNodeFlags, writeNew } from '../setup.js'

export default class Join extends BaseCommand {
  static override summary = 'Set this machine up as a node of the network that a token invites to.'
  static override examples = [
    '$ ssh first p2p-playground invite | <%= config.bin %> join -',
    '<%= config.bin %> join - --name node-2 --label region=north < token',
    '<%= config.bin %> join p2pp1.eyJwc2siOi…',
  ]
  static override description =
    'The token is a secret, and what stands on a command line can be seen by all users of a machine: give "-" and the token on standard input.'
  static override args = {
    token: Args.string({
      description: 'What "invite" printed, or - to read it from standard input.',
      required: true,
    }),
  }
  static override flags = newNodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Join)
    const token = args.token === '-' ? await tokenFromInput() : args.token
    const invitation = parseInvitation(token)
    const { formatSwarmKey, parsePsk } = await import('@p2p-playground/core/config')
    const { home } = this
    await checkNewNode(flags)
    if (existsSync(home.daemonConfig)) {
      throw new PlaygroundError(
        'CONFIG_EXISTS',
        `${home.daemonConfig} is there already: this machine is set up`,
        {
          hint: 'Move it away to join another network, or use another --home.',
        },
      )
    }
    const labels = labelsOf(flags.label)
    const { psks, keys, revokedKeys, addresses } = invitation
    const [psk] = psks
    if (psk !== undefined) await this.#keepPsk(formatSwarmKey(parsePsk(psk)))
    const setup = {
      name: flags.name,
      labels,
      listen: flags.listen,
      mdns: flags.mdns,
      psks,
      keys,
      revokedKeys,
      bootstrapPeers: addresses,
    }
    await writeNew(home.daemonConfig, await daemonYaml(setup))
    const made = psk === undefined ? [home.daemonConfig] : [home.swarmKey, home.daemonConfig]
    if (flags.json) this.printJson({ home: home.config, made })
    else this.log(`made  ${home.daemonConfig}\n\nNext: ${nextCommand('daemon start')}`)
  }

  /** The same PSK may be there from an earlier try. */
  async #keepPsk(text: string): Promise<void> {
    const { swarmKey } = this.home
    if (existsSync(swarmKey) && (await readFile(swarmKey, 'utf8')) === text) return
    await writeNew(swarmKey, text)
  }
}

/** @throws CONFIG_TOKEN when nothing comes: what should have printed the token has failed */
async function tokenFromInput(): Promise<string> {
  const token = (await text(process.stdin)).trim()
  if (token !== '') return token
  throw new PlaygroundError('CONFIG_TOKEN', 'standard input held no invitation', {
    hint: 'Give it what "p2p-playground invite" prints on the first machine; did that fail?',
  })
}
