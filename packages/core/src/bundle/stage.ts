import { constants } from 'node:fs'
import { mkdir, mkdtemp, open, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import type { TarEntry } from './tar-reader.js'

/** A fresh directory of its own (0700) that a package is unpacked into; nothing else writes there. */
export class Stage {
  readonly dir: string
  readonly #made = new Set<string>()

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(root: string): Promise<Stage> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    return new Stage(await mkdtemp(join(root, 'stage-')))
  }

  /** Writes one entry to a path that `EntryRules` accepted, as the daemon's user, with mode 0644 or 0755. */
  async write(path: string, entry: TarEntry): Promise<void> {
    try {
      await this.#parents(path)
      switch (entry.type) {
        case 'directory':
          await this.#directory(path)
          break
        case 'symlink':
          await symlink(entry.target, join(this.dir, path))
          break
        case 'file':
          await this.#file(path, entry)
          break
        default:
          entry.type satisfies never
      }
    } catch (error) {
      throw diskError(error, join(this.dir, path))
    }
  }

  /** All directories to disk, the deepest first; files were synced when written. */
  async sync(): Promise<void> {
    const dirs = [...this.#made].sort((a, b) => b.length - a.length)
    for (const path of [...dirs, '']) {
      const handle = await open(join(this.dir, path), constants.O_RDONLY | constants.O_DIRECTORY)
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }

  async discard(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true })
  }

  async #parents(path: string): Promise<void> {
    const parent = dirname(path)
    if (parent === '.' || this.#made.has(parent)) return
    await this.#parents(parent)
    await this.#directory(parent)
  }

  async #directory(path: string): Promise<void> {
    if (this.#made.has(path)) return
    await mkdir(join(this.dir, path), { mode: 0o755 })
    this.#made.add(path)
  }

  async #file(path: string, entry: TarEntry): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const mode = (entry.mode & 0o100) === 0 ? 0o644 : 0o755
    const handle = await open(join(this.dir, path), flags, mode)
    try {
      for await (const chunk of entry.body) await handle.writeFile(chunk)
      await handle.chmod(mode)
      await handle.datasync()
    } finally {
      await handle.close()
    }
  }
}

function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new PlaygroundError('STATE_DISK', `no space left while unpacking to ${path}`, {
    cause: error,
  })
}
