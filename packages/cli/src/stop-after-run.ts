import { ERROR_TABLE, asPlaygroundError } from '@p2p-playground/core/errors'
import type { Control, NodeSelector } from '@p2p-playground/core'

/** The grace of the program (10 s), its post_stop hook (30 s), and what nodes and the way to them take: as other calls have. */
const LIMIT_MS = 70_000

/**
 * Stops what `run` started, when Ctrl-C has ended the following: what fails is no longer an error of the command, which was
 * interrupted, but it is told, and the exit code says so. Gives that: 0, 3 where some nodes stopped it, else the failure's own.
 */
export async function stopAfterRun(
  control: Pick<Control, 'changeApp'>,
  ran: { readonly app: string; readonly version: string; readonly target: NodeSelector },
  warn: (text: string, hint: string | undefined) => void,
): Promise<number> {
  const { app, version, target } = ran
  const command = { action: 'stop', app, version, target } as const
  try {
    const { items, failures } = await control.changeApp(command, AbortSignal.timeout(LIMIT_MS))
    // Where it is not, it does not run.
    const counted = failures.filter(({ code }) => code !== 'APP_NOT_FOUND')
    for (const { node, code, message, hint } of counted)
      warn(`${app} may still run on ${node}: ${code}: ${message}`, hint)
    const [first] = counted
    if (first === undefined) return 0
    return items.length > 0 ? 3 : ERROR_TABLE[first.code].exit
  } catch (error) {
    const { code, message, hint, row } = asPlaygroundError(error)
    warn(`${app} may still run: ${code}: ${message}`, hint)
    return row.exit
  }
}
