import { link, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import { bootId, startTicksOf } from '@p2p-playground/daemon/run-file'

/** Names the process that made the directory. */
const OWNER = '.pid'
/** And this, with the name of one that was killed, the process that took its place. */
const HEIR = '.after-'

/** A directory that one process at a time has to itself. */
export interface ClaimedDirectory {
  /** Another had it and was killed; what it left is there. */
  readonly isTakenOver: boolean
  /** Deletes what is in it. */
  clear(): Promise<void>
  /** Deletes it; from then on others can have it. */
  release(): Promise<void>
}

/**
 * Makes the directory, or takes the place of one that was killed while it had it. Every step that counts is one call of the
 * system that only one can win: the directory comes into its place with its owner's name in it, a killed owner has one heir,
 * a killed heir has one in turn, and the directory goes whole.
 * @throws PLUGIN_INSTALL when a process that runs has it
 */
export async function claimDirectory(path: string): Promise<ClaimedDirectory> {
  const draft = await mkdtemp(`${path}-`)
  try {
    await writeFile(join(draft, OWNER), ownName())
    for (;;) {
      if (await isPlaced(draft, path)) return claimed(path, { draft, isTakenOver: false })
      if (await isInherited(draft, path)) return claimed(path, { draft, isTakenOver: true })
    }
  } finally {
    // When it is in its place, it is no longer here.
    await rm(draft, { recursive: true, force: true })
  }
}

function claimed(
  path: string,
  about: { readonly draft: string; readonly isTakenOver: boolean },
): ClaimedDirectory {
  const clear = async (): Promise<void> => {
    for (const name of await readdir(path)) {
      if (name === OWNER || name.startsWith(HEIR)) continue
      await rm(join(path, name), { recursive: true, force: true })
    }
  }
  return {
    isTakenOver: about.isTakenOver,
    clear,
    release: async () => {
      await clear()
      await rename(path, about.draft)
      await rm(about.draft, { recursive: true, force: true })
    },
  }
}

async function isPlaced(draft: string, path: string): Promise<boolean> {
  try {
    await rename(draft, path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false
    throw error
  }
}

/** False: it changed hands meanwhile, or is free. */
async function isInherited(draft: string, path: string): Promise<boolean> {
  const owner = await readName(join(path, OWNER))
  let last = owner
  for (;;) {
    if (last !== undefined && isRunning(last)) throw taken(last)
    const place = join(path, `${HEIR}${last ?? 'nobody'}`)
    try {
      await link(join(draft, OWNER), place)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false
      if (systemCode(error) !== 'EEXIST') throw error
      last = await readName(place)
      continue
    }
    if ((await readName(join(path, OWNER))) === owner) return true
    await rm(place, { force: true })
    return false
  }
}

/** `PID-TICKS-BOOT`: a pid alone may belong to another process by now. */
function ownName(): string {
  return `${String(process.pid)}-${String(startTicksOf(process.pid) ?? 0)}-${bootId()}`
}

/** Undefined when there is none; what an earlier version wrote is the name of none that runs. */
async function readName(path: string): Promise<string | undefined> {
  try {
    const name = await readFile(path, 'utf8')
    return /^[\w-]{1,100}$/.test(name) ? name : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function isRunning(name: string): boolean {
  const [pid = '', ticks = '', ...boot] = name.split('-')
  return boot.join('-') === bootId() && startTicksOf(Number(pid)) === Number(ticks)
}

function taken(name: string): PlaygroundError {
  const pid = name.split('-')[0] ?? ''
  return new PlaygroundError(
    'PLUGIN_INSTALL',
    `plugins are being changed by another command (pid ${pid})`,
    { hint: 'Wait for it to end.' },
  )
}
