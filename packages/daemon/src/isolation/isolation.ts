import { dirname } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import type { RunSpec, RunUser, SandboxMode } from '@p2p-playground/core'
import { SYSTEM_DIR } from '@p2p-playground/core/config'
import type { Home } from '@p2p-playground/core/config'
import type { LoadedDaemonConfig } from '../config/index.js'
import { DynamicUsers } from './dynamic-users.js'
import { openWay } from './open-way.js'
import { secretFiles } from './secret-files.js'
import { lookUpUser } from './user-lookup.js'

/** What keeps an app apart from the machine and from other apps. */
export interface Isolation {
  readonly sandbox: SandboxMode
  /** Whether apps run as another user than the daemon. */
  readonly changesUser: boolean
  /** Of a run of that app. */
  of(app: string): Promise<Pick<RunSpec, 'sandbox' | 'hiddenDirs' | 'hiddenFiles' | 'user'>>
}

/** Where the daemon runs. Default: as this process does. */
interface Surroundings {
  readonly isRoot?: boolean
  readonly procDir?: string
}

/**
 * Reads `runtime.sandbox` and `runtime.user`, and makes the way to the apps' files passable for other users.
 * @throws CONFIG_INVALID with the line of `runtime.user`
 */
export async function openIsolation(
  loaded: LoadedDaemonConfig,
  home: Home,
  on: Surroundings = {},
): Promise<Isolation> {
  const { sandbox, appDir, logDir } = loaded.config.runtime
  const dataDir = dirname(home.apps)
  const hiddenDirs = [...new Set([SYSTEM_DIR, home.config, dataDir, appDir, logDir])]
  const userOf = await openUsers(loaded, home, on)
  return {
    sandbox,
    changesUser: loaded.config.runtime.user !== undefined,
    of: async (app) => ({
      sandbox,
      hiddenDirs,
      // Anew for each run: keys may have come since.
      hiddenFiles: sandbox === 'off' ? [] : await secretFiles(loaded),
      user: await userOf(app),
    }),
  }
}

async function openUsers(
  loaded: LoadedDaemonConfig,
  home: Home,
  { isRoot = process.getuid?.() === 0, procDir }: Surroundings,
): Promise<(app: string) => Promise<RunUser | undefined>> {
  const { user, appDir } = loaded.config.runtime
  if (user === undefined) return async () => Promise.resolve(undefined)
  const at = loaded.positionOf(['runtime', 'user'])
  if (!isRoot) {
    throw new PlaygroundError('CONFIG_INVALID', 'runtime.user needs a daemon that runs as root', {
      at,
      hint: 'Leave it out: apps then run as the user of the daemon.',
    })
  }
  // Directories of apps can be passed by others however the daemon was started; what is private has a mode of its own.
  process.umask(0o022)
  await openWay(appDir, dirname(home.apps), at)
  const found = await lookUpUser(user, at, procDir)
  if (found !== undefined) return async () => Promise.resolve(found)
  const users = await DynamicUsers.open(home.appUsers)
  return async (app) => users.of(app)
}
