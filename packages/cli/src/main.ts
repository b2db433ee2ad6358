import { flush, run } from '@oclif/core'
import { resolveHome } from '@p2p-playground/core/home'
import { report } from './report.js'

/** Runs the command line of this process. */
export async function runCli(from: string): Promise<void> {
  const home = homeFlag(process.argv)
  if (home !== undefined) process.env['P2P_PLAYGROUND_HOME'] = home
  // oclif keeps plugins with everything else of one identity.
  const { oclif } = resolveHome(process.env)
  for (const kind of ['DATA', 'CONFIG', 'CACHE'])
    process.env[`P2P_PLAYGROUND_${kind}_DIR`] ??= oclif
  process.stdout.on('error', endOnBrokenPipe)
  try {
    await run(process.argv.slice(2), from)
    await flush()
    process.exit()
  } catch (error) {
    await flush()
    process.exit(report(error, process.argv.includes('--json')))
  }
}

/** `--home DIR` counts before any command is loaded: plugins come from there. */
function homeFlag(argv: readonly string[]): string | undefined {
  const index = argv.indexOf('--home')
  if (index !== -1) return argv[index + 1]
  return argv.find((arg) => arg.startsWith('--home='))?.slice('--home='.length)
}

/** `p2p-playground logs … | head` is no failure. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
