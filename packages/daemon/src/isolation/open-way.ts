import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import type { SourcePosition } from '@p2p-playground/core'

/** Others may pass through a directory, without seeing what it holds. */
const PASS = 0o011

/**
 * Makes `appDir` reachable for users who know the names in it. Directories of ours are opened for passing through, and
 * nothing else; whatever in them is private has a mode of its own.
 * @throws CONFIG_INVALID when a directory that is not ours is closed
 */
export async function openWay(appDir: string, dataDir: string, at: SourcePosition): Promise<void> {
  await mkdir(appDir, { recursive: true, mode: 0o711 })
  const ours = appDir.startsWith(`${dataDir}/`) ? [appDir, dataDir] : [appDir]
  for (const dir of ours) await chmod(dir, ((await stat(dir)).mode & 0o7777) | PASS)
  for (let dir = appDir; dir !== dirname(dir); dir = dirname(dir)) {
    const { mode } = await stat(dir)
    if ((mode & 0o001) !== 0) continue
    throw new PlaygroundError(
      'CONFIG_INVALID',
      `apps are to run as another user, who cannot reach ${appDir}: ${dir} is closed to others`,
      { at, hint: 'Set runtime.app_dir to a place such as /var/lib/p2p-playground/apps.' },
    )
  }
}
