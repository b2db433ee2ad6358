import { constants } from 'node:fs'
import { mkdir, mkdtemp, open, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import { collect } from './byte-reader.js'
import type { TarEntry } from './tar-reader.js'

/** Files up to this size are written side by side: nearly all that one of them takes is waiting for the disk. */
const SMALL_BYTES = 256 * 1024
const SIDE_BY_SIDE = 8

/** A fresh directory of its own (0700) that a package is unpacked into; nothing else writes there. */
export class Stage {
  readonly dir: string
  readonly #made = new Set<string>()
  /** Of small files, in the order of their entries. */
  readonly #writes: Promise<void>[] = []

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(root: string): Promise<Stage> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    return new Stage(await mkdtemp(join(root, 'stage-')))
  }

  /**
   * Writes one entry to a path that `EntryRules` accepted, as the daemon's user, with mode 0644 or 0755. A small file may still be
   * on its way when this resolves: if it fails, a later call says so, `sync` at the latest.
   */
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
          if (entry.sizeBytes > SMALL_BYTES) await this.#file(path, entry.mode, entry.body)
          else await this.#sideBySide(path, entry.mode, await collect(entry.body, entry.sizeBytes))
          break
        default:
          entry.type satisfies never
      }
    } catch (error) {
      throw diskError(error, join(this.dir, path))
    }
  }

  /** All directories to disk, the deepest first; files are synced when written. */
  async sync(): Promise<void> {
    while (this.#writes.length > 0) await this.#writes.shift()
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
    await Promise.allSettled(this.#writes)
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

  async #sideBySide(path: string, mode: number, content: Uint8Array): Promise<void> {
    const write = this.#file(path, mode, [content]).catch((error: unknown) => {
      throw diskError(error, join(this.dir, path))
    })
    // Its failure shows when it is awaited.
    write.catch(() => undefined)
    this.#writes.push(write)
    if (this.#writes.length >= SIDE_BY_SIDE) await this.#writes.shift()
  }

  async #file(path: string, entryMode: number, body: Chunks): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const mode = (entryMode & 0o100) === 0 ? 0o644 : 0o755
    const handle = await open(join(this.dir, path), flags, mode)
    try {
      for await (const chunk of body) await handle.writeFile(chunk)
      await handle.chmod(mode)
      await handle.datasync()
    } finally {
      await handle.close()
    }
  }
}

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** `E…` without `_` are system errors; those of a stopped reader and ours have codes too. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/

function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code === undefined || !SYSTEM_CODE.test(code)) return error
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left' : code
  return new PlaygroundError('STATE_DISK', `cannot unpack to ${path}: ${why}`, { cause: error })
}
