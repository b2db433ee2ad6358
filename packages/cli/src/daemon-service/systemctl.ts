import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PlaygroundError, errorMessage } from '@p2p-playground/core/errors'
import type { ServicePlan } from './service-plan.js'

const run = promisify(execFile)

/** Calls systemctl for the system or for this user. @throws NODE_DAEMON_SERVICE with what it said */
export async function systemctl(
  scope: ServicePlan['scope'],
  ...args: readonly string[]
): Promise<string> {
  const all = [...(scope === 'user' ? ['--user'] : []), ...args]
  try {
    return (await run('systemctl', all)).stdout
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? ''
    const why = said === '' ? errorMessage(error) : said
    throw new PlaygroundError('NODE_DAEMON_SERVICE', `systemctl ${all.join(' ')}: ${why}`, {
      hint: 'See "systemctl status" and "journalctl"; where systemd does not run, use --init sh.',
      cause: error,
    })
  }
}
