import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, formatBytes, systemCode } from '@p2p-playground/core'
import type { InstanceKey } from '@p2p-playground/core'

export interface PackagePaths {
  readonly apps: string
  readonly stage: string
  readonly incoming: string
  readonly packages: string
}

/** Where packages are: arriving, staged, in place. Whatever is not in the state is swept at boot. */
export class PackageStore {
  readonly paths: PackagePaths

  constructor(paths: PackagePaths) {
    this.paths = paths
  }

  async prepare(): Promise<void> {
    const { apps, stage, incoming, packages } = this.paths
    for (const dir of [apps, stage, incoming, packages])
      await mkdir(dir, { recursive: true, mode: 0o700 })
  }

  /** The unfinished file of a transfer; the same list continues the same file. */
  partPath(listDigest: Uint8Array): string {
    return join(this.paths.incoming, `${Buffer.from(listDigest).toString('hex')}.part`)
  }

  packagePath(digest: string): string {
    return join(this.paths.packages, `${digest}.p2p`)
  }

  versionDir(key: InstanceKey): string {
    return join(this.paths.apps, key.app, key.version)
  }

  /** The application's own files. */
  filesDir(key: InstanceKey): string {
    return join(this.versionDir(key), 'files')
  }

  /** What the runtime keeps of the current run. */
  runDir(key: InstanceKey): string {
    return join(this.versionDir(key), 'run')
  }

  /** @throws TRANSFER_DISK when the file system cannot hold `sizeBytes` twice (packed and unpacked). */
  async checkSpace(sizeBytes: number): Promise<void> {
    const fs = await statfs(this.paths.incoming)
    const free = fs.bavail * fs.bsize
    if (free < sizeBytes * 2) {
      throw new PlaygroundError(
        'TRANSFER_DISK',
        `${this.paths.incoming} has ${formatBytes(free)} free, the package needs ${formatBytes(sizeBytes * 2)}`,
        {
          hint: 'Free space on that disk, or remove old versions with "p2p-playground app remove".',
        },
      )
    }
  }

  /** Puts a staged tree and its package file in place, durably. A left-over of an earlier try goes first. */
  async install(from: {
    stageDir: string
    partPath: string
    key: InstanceKey
    digest: string
  }): Promise<void> {
    const versionDir = this.versionDir(from.key)
    try {
      await this.#discard(versionDir)
      await mkdir(versionDir, { recursive: true, mode: 0o755 })
      await rename(from.stageDir, this.filesDir(from.key))
      await rename(from.partPath, this.packagePath(from.digest))
      for (const dir of [
        versionDir,
        join(this.paths.apps, from.key.app),
        this.paths.apps,
        this.paths.packages,
      ]) {
        await syncDirectory(dir)
      }
    } catch (error) {
      if (systemCode(error) !== 'ENOSPC') throw error
      throw new PlaygroundError('STATE_DISK', `no space left for ${versionDir}`, { cause: error })
    }
  }

  /** Removes a version's files; `digest` is its package file unless another version shares it. */
  async remove(key: InstanceKey, digest: string | null): Promise<void> {
    await this.#discard(this.versionDir(key))
    const appDir = join(this.paths.apps, key.app)
    if ((await namesIn(appDir)).length === 0) await rm(appDir, { recursive: true, force: true })
    if (digest !== null) await rm(this.packagePath(digest), { force: true })
  }

  /** Deletes what a killed daemon left behind. Gives the paths that it deleted. */
  async sweep(known: readonly (InstanceKey & { readonly digest: string })[]): Promise<string[]> {
    const swept: string[] = []
    const drop = async (path: string): Promise<void> => {
      await rm(path, { recursive: true, force: true })
      swept.push(path)
    }
    for (const name of await namesIn(this.paths.stage)) await drop(join(this.paths.stage, name))
    const dirs = new Set(known.map((key) => this.versionDir(key)))
    for (const app of await namesIn(this.paths.apps)) {
      const versions = await namesIn(join(this.paths.apps, app))
      for (const version of versions) {
        const dir = join(this.paths.apps, app, version)
        if (!dirs.has(dir)) await drop(dir)
      }
    }
    const files = new Set(known.map((key) => `${key.digest}.p2p`))
    for (const name of await namesIn(this.paths.packages)) {
      if (!files.has(name)) await drop(join(this.paths.packages, name))
    }
    return swept
  }

  /** Out of the way in one step, then deleted: never a half directory under its own name. */
  async #discard(dir: string): Promise<void> {
    if ((await stat(dir).catch(ignoreMissing)) === undefined) return
    const trash = join(this.paths.stage, `trash-${crypto.randomUUID()}`)
    await rename(dir, trash)
    await rm(trash, { recursive: true, force: true })
  }
}

async function namesIn(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(ignoreMissing)) ?? []
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === 'ENOENT') return undefined
  throw error
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
