import { accessSync, constants, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Config, run, settings } from '@oclif/core'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import { resolveHome } from '@p2p-playground/core/home'
import { homeFlag } from './given-home.js'
import { report } from './report.js'
import { isOtherWord } from './usage-error.js'

/** Runs the command line of this process. */
export async function runCli(from: string): Promise<void> {
  // It counts before any command is loaded: plugins come from there.
  const home = homeFlag()
  if (home !== undefined) process.env['P2P_PLAYGROUND_HOME'] = home
  for (const kind of ['HOME', 'CONFIG', 'DATA_DIR']) makeAbsolute(`P2P_PLAYGROUND_${kind}`)
  // oclif keeps plugins with everything else of one identity.
  const { oclif } = resolveHome(process.env)
  for (const kind of ['DATA', 'CONFIG', 'CACHE'])
    process.env[`P2P_PLAYGROUND_${kind}_DIR`] ??= oclif
  // What is built counts, of linked plugins too; otherwise oclif warns of each at every command.
  settings.enableAutoTranspile = false
  process.stdout.on('error', endOnBrokenPipe)
  refuseFile(process.env['P2P_PLAYGROUND_HOME'])
  if (!isReadable(join(oclif, 'package.json'))) process.removeAllListeners('warning')
  const config = await Config.load(fileURLToPath(from))
  const argv = process.argv.slice(2)
  // What is asked about there is what is spelled alike, and Enter runs it: "app pin" for "app rm".
  if (!process.stdin.isTTY || isOtherWord({ argv, commandIDs: config.commandIDs }))
    askNothing(config)
  try {
    await run(argv, config)
    await drained()
    process.exit()
  } catch (error) {
    await drained()
    const { commandIDs } = config
    process.exit(report(error, { json: process.argv.includes('--json'), commandIDs }))
  }
}

/**
 * Resolves when all output is with its reader, however slow it is. oclif's own `flush` takes a buffer that is not full for an
 * empty one, and gives up after 10 s.
 */
async function drained(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  process.stdout.write('', () => {
    resolve(undefined)
  })
  await promise
}

/** plugin-not-found warns and then asks; without it, `report` says it in one message. */
function askNothing(config: Config): void {
  const hooks = config.plugins.get('@oclif/plugin-not-found')?.hooks
  if (hooks !== undefined) hooks['command_not_found'] = []
}

/** Of what it cannot read oclif warns with a stack trace, and goes on; the command says it better. */
function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch (error) {
    return systemCode(error) === 'ENOENT'
  }
}

/** No command can do anything with such a home. */
function refuseFile(home: string | undefined): void {
  if (home === undefined || statSync(home, { throwIfNoEntry: false })?.isFile() !== true) return
  const json = process.argv.includes('--json')
  const error = new PlaygroundError('FILE_ACCESS', `${home} is a file, not a directory`, {
    hint: 'Name a directory with --home or P2P_PLAYGROUND_HOME; it is made when it is not there.',
  })
  process.exit(report(error, { json, commandIDs: [] }))
}

/** A daemon in the background has another working directory: a relative path would mean another place to it. */
function makeAbsolute(name: string): void {
  const path = process.env[name]
  if (path === undefined) return
  if (path === '') Reflect.deleteProperty(process.env, name)
  else process.env[name] = resolve(path)
}

/** `p2p-playground logs … | head` is no failure. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
