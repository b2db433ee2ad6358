import { readdirSync, statSync } from 'node:fs'
import { Flags } from '@oclif/core'
import type { Problem } from '@p2p-playground/core/config'
import { BaseCommand } from '../../base-command.js'

export default class ConfigCheck extends BaseCommand {
  static override summary =
    'Check the configuration and say what is wrong, with file, line and column.'
  static override description =
    'daemon.yaml and controller.yaml, or the one file that --config names; of a directory, those that are there. ' +
    'Of daemon.yaml also whether this machine has the plugins and the user that it names; nothing is started.'
  static override examples = [
    '<%= config.bin %> config check',
    '<%= config.bin %> config check --config ./daemon.yaml',
  ]
  static override flags = {
    controller: Flags.boolean({
      description: "Only the controller's configuration.",
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigCheck)
    const { loadConfig } = await import('../../load-config.js')
    const request = this.configRequest(flags)
    const files: string[] = []
    const warnings: string[] = []
    let hasDaemon = false
    for (const isController of await this.#kinds(flags)) {
      const loaded = await loadConfig(isController, request)
      files.push(...loaded.files)
      warnings.push(...loaded.warnings)
      hasDaemon ||= !isController && loaded.files.length > 0
    }
    const problems: Problem[] = []
    if (hasDaemon) {
      const { findConfigProblems } = await import('../../config-problems.js')
      const found = await findConfigProblems(request, this.signal)
      problems.push(...found.problems)
      warnings.push(...found.warnings)
    }
    if (!flags.json) for (const warning of warnings) this.warning(warning)
    if (problems.length > 0) {
      const { problemError } = await import('@p2p-playground/core/config')
      throw problemError(problems)
    }
    if (flags.json) this.printJson({ valid: true, files, warnings })
    else if (files.length === 0) this.log('no configuration file: the defaults hold')
    else this.log(`${files.join(', ')}: good`)
  }

  /** Which of the two files are meant: true is the controller's. */
  async #kinds(flags: {
    readonly controller: boolean
    readonly config?: string | undefined
  }): Promise<readonly boolean[]> {
    if (flags.controller) return [true]
    const named = flags.config ?? process.env['P2P_PLAYGROUND_CONFIG'] ?? ''
    if (named === '') return [false, true]
    // What makes a directory wrong for a node makes it good for commands.
    if (isDirectory(named)) return hasDaemonFile(named) ? [false, true] : [true]
    const { isControllerFile } = await import('../../load-config.js')
    return [await isControllerFile(named)]
  }
}

function hasDaemonFile(dir: string): boolean {
  return readdirSync(dir).some((file) => /^daemon(\.[^.]+)?\.yaml$/.test(file))
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
