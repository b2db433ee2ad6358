import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'

/** What npm and we keep in the directory; package.json last: with it a change is done. */
const PARTS = ['tarballs', 'node_modules', 'package-lock.json', 'package.json'] as const

/** Beside the parts of the next state: those of the last, while they change places. */
const LAST = '.last'
const OWNER = '.pid'

/**
 * Changes a copy of the directory, and puts it in its place once `work` is through: whatever goes wrong on the way (no network,
 * a full disk, a kill) leaves what was installed as it was, and a daemon that runs reads nothing half written.
 * The copy lies beside the directory, so that links keep their length.
 * @throws STATE_DISK, PLUGIN_INSTALL when another change is under way
 */
export async function changeStaged<Result>(
  dir: string,
  work: (staged: string) => Promise<Result>,
): Promise<Result> {
  const staged = `${dir}.next`
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await claim(staged, dir)
  } catch (error) {
    throw explain(error, dir)
  }
  try {
    for (const part of PARTS) {
      if (!existsSync(join(dir, part))) continue
      await cp(join(dir, part), join(staged, part), {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
      })
    }
    const result = await work(staged)
    await swap(staged, dir)
    return result
  } catch (error) {
    throw explain(error, dir)
  } finally {
    await rm(staged, { recursive: true, force: true })
  }
}

/** Makes the copy's directory, which is the lock as well. What a killed change left is put right first. */
async function claim(staged: string, dir: string): Promise<void> {
  try {
    await mkdir(staged, { mode: 0o700 })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    const pid = await ownerOf(staged)
    if (pid !== undefined && isRunning(pid)) {
      throw new PlaygroundError(
        'PLUGIN_INSTALL',
        `plugins are being changed by another command (pid ${String(pid)})`,
        { hint: 'Wait for it to end.' },
      )
    }
    for (const part of PARTS) {
      const last = join(staged, LAST, part)
      if (existsSync(last) && !existsSync(join(dir, part))) await rename(last, join(dir, part))
    }
    await rm(staged, { recursive: true, force: true })
    await mkdir(staged, { mode: 0o700 })
  }
  await writeFile(join(staged, OWNER), String(process.pid))
}

/** The parts change places; when one does not, those that did go back. */
async function swap(staged: string, dir: string): Promise<void> {
  const moved: (() => Promise<void>)[] = []
  const move = async (from: string, to: string): Promise<void> => {
    if (!existsSync(from)) return
    await rename(from, to)
    moved.push(async () => rename(to, from))
  }
  await mkdir(join(staged, LAST))
  try {
    for (const part of PARTS) {
      await move(join(dir, part), join(staged, LAST, part))
      await move(join(staged, part), join(dir, part))
    }
  } catch (error) {
    for (const undo of moved.reverse()) await undo()
    throw error
  }
}

async function ownerOf(staged: string): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(join(staged, OWNER), 'utf8'))
    return pid > 0 ? pid : undefined
  } catch {
    // It was killed before it wrote its name.
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function explain(cause: unknown, dir: string): unknown {
  const code = systemCode(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PlaygroundError('STATE_DISK', `there is no room for plugins in ${dir}`, {
      hint: 'Make room and try again; nothing was changed.',
      cause,
    })
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new PlaygroundError('PLUGIN_INSTALL', `you may not write to ${dir}`, {
      hint: 'Install as the user to whom the home belongs.',
      cause,
    })
  }
  return cause
}
