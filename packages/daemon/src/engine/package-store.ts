import { createHash } from 'node:crypto'
import { lstat, mkdir, open, readFile, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { valid as validSemver } from 'semver'
import {
  APP_NAME,
  PlaygroundError,
  formatBytes,
  formatInstance,
  systemCode,
} from '@p2p-playground/core'
import type { Clock, InstanceKey } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import { overwrite, overwriteTree } from '../erase.js'
import { asDiskError, mountPointOf } from './disk-full.js'
import { FileAges } from './file-ages.js'

const MANIFEST_NAME = 'manifest.yaml'
/** What is in the directory of a version: its files, and what runs of it and of its hooks keep. */
const PARTS: readonly string[] = ['files', 'run', 'pre-start', 'post-stop']
/** An unfinished transfer that nobody has continued for that long is given up. */
const PART_KEPT_MS = 24 * 3_600_000

/** What the file of a package is called where it is kept. */
export function packageName(digest: string): string {
  return `${digest}.p2p`
}

export interface PackagePaths {
  readonly apps: string
  readonly stage: string
  readonly incoming: string
  readonly packages: string
  /** Of what is damaged. */
  readonly quarantine: string
}

/**
 * What is staged or set aside moves to and from the apps by rename(2), which no file system boundary allows (EXDEV): where
 * the apps are elsewhere than the home, both are with them, under names that no app can have.
 */
export function packagePathsOf(home: Home, apps: string): PackagePaths {
  const { stage, incoming, packages, quarantine } = home
  if (apps === home.apps && mountPointOf(apps) === mountPointOf(stage))
    return { apps, stage, incoming, packages, quarantine }
  return {
    apps,
    stage: join(apps, '.stage'),
    incoming,
    packages,
    quarantine: join(apps, '.quarantine'),
  }
}

/** Where packages are: arriving, staged, in place. Whatever is not in the state is swept at boot. */
export class PackageStore {
  readonly paths: PackagePaths
  /** Of unfinished transfers. */
  readonly #ages = new FileAges()

  constructor(paths: PackagePaths) {
    this.paths = paths
  }

  async prepare(): Promise<void> {
    const { apps, stage, incoming, packages } = this.paths
    for (const dir of [apps, stage, incoming, packages])
      await mkdir(dir, { recursive: true, mode: 0o700 })
  }

  /**
   * The unfinished file of a transfer; the same list continues the same file. A version that is offered with the pieces of
   * another has a file of its own: whoever offers it must not write into what is being verified.
   */
  partPath(key: InstanceKey, listDigest: Uint8Array): string {
    const name = createHash('sha256').update(listDigest).update(formatInstance(key)).digest('hex')
    return join(this.paths.incoming, `${name}.part`)
  }

  packagePath(digest: string): string {
    return join(this.paths.packages, packageName(digest))
  }

  versionDir(key: InstanceKey): string {
    return join(this.paths.apps, key.app, key.version)
  }

  /** The application's own files. */
  filesDir(key: InstanceKey): string {
    return join(this.versionDir(key), 'files')
  }

  /** @throws TRANSFER_DISK when there is no room for `sizeBytes` twice: packed, and unpacked */
  async checkSpace(sizeBytes: number): Promise<void> {
    const { incoming, stage } = this.paths
    const isOneDisk = (await stat(incoming)).dev === (await stat(stage)).dev
    if (isOneDisk) return checkFree(incoming, sizeBytes * 2)
    await checkFree(incoming, sizeBytes)
    await checkFree(stage, sizeBytes)
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
      throw asDiskError(error, versionDir)
    }
  }

  /** Removes a version's files, overwritten when asked. */
  async remove(
    key: InstanceKey,
    options: {
      /** Of its package file; null while another version shares it. */
      readonly digest: string | null
      readonly overwrite: boolean
    },
  ): Promise<void> {
    const packagePath = options.digest === null ? undefined : this.packagePath(options.digest)
    if (options.overwrite) {
      await overwriteTree(this.versionDir(key))
      if (packagePath !== undefined) await overwrite(packagePath)
    }
    await this.#discard(this.versionDir(key))
    const appDir = join(this.paths.apps, key.app)
    if ((await namesIn(appDir)).length === 0) await rm(appDir, { recursive: true, force: true })
    if (packagePath !== undefined) await rm(packagePath, { force: true })
  }

  /** What is wrong with a version's files; undefined when they are as they should be. */
  async damageOf(record: InstanceKey & { readonly manifest: string }): Promise<string | undefined> {
    const path = join(this.filesDir(record), MANIFEST_NAME)
    const found = await lstat(path).catch(ignoreMissing)
    if (found === undefined) return 'its files are gone'
    // An app can put anything in its place: what is read must be a file, and no larger than it was.
    const isSame =
      found.isFile() &&
      found.size === Buffer.byteLength(record.manifest) &&
      (await readFile(path, 'utf8')) === record.manifest
    return isSame ? undefined : 'its manifest.yaml was changed'
  }

  /** Puts a staged tree in the place of a version's files; what its runs keep stays. */
  async replaceFiles(key: InstanceKey, stageDir: string): Promise<void> {
    await this.#discard(this.filesDir(key))
    await mkdir(this.versionDir(key), { recursive: true, mode: 0o755 })
    await rename(stageDir, this.filesDir(key))
    await syncDirectory(this.versionDir(key))
  }

  /** Moves what is left of a damaged version out of the way; gives the place. */
  async setAside(key: InstanceKey): Promise<string> {
    const place = join(this.paths.quarantine, `${key.app}-${key.version}-${crypto.randomUUID()}`)
    await mkdir(this.paths.quarantine, { recursive: true, mode: 0o700 })
    await mkdir(this.versionDir(key), { recursive: true, mode: 0o755 })
    await rename(this.versionDir(key), place)
    return place
  }

  /**
   * Deletes what a killed daemon left behind, but spares some, and what cannot be ours. Gives the paths that it deleted.
   */
  async sweep(
    known: readonly (InstanceKey & { readonly digest: string })[],
    spared: readonly InstanceKey[],
  ): Promise<string[]> {
    const swept: string[] = []
    const drop = async (path: string): Promise<void> => {
      await rm(path, { recursive: true, force: true })
      swept.push(path)
    }
    for (const name of await namesIn(this.paths.stage)) await drop(join(this.paths.stage, name))
    const dirs = new Set([...known, ...spared].map((key) => this.versionDir(key)))
    for (const app of await dirsIn(this.paths.apps)) {
      if (!APP_NAME.test(app)) continue
      for (const version of await dirsIn(join(this.paths.apps, app))) {
        const dir = join(this.paths.apps, app, version)
        if (!dirs.has(dir) && (await isVersionDir(dir, version))) await drop(dir)
      }
    }
    const files = new Set(known.map((key) => packageName(key.digest)))
    for (const name of await namesIn(this.paths.packages)) {
      if (!files.has(name)) await drop(join(this.paths.packages, name))
    }
    return swept
  }

  /** Deletes transfers that nobody wants and that were not continued for a day. Gives the paths that it deleted. */
  async sweepTransfers(clock: Clock, isWanted: (path: string) => boolean): Promise<string[]> {
    const touched = new Map<string, number>()
    for (const name of await namesIn(this.paths.incoming)) {
      const path = join(this.paths.incoming, name)
      const found = await stat(path).catch(ignoreMissing)
      if (found !== undefined) touched.set(path, found.mtimeMs)
    }
    const swept: string[] = []
    for (const [path, ageMs] of this.#ages.look(clock, touched)) {
      // No await between the question and the deletion: somebody may have begun to want it.
      if (ageMs <= PART_KEPT_MS || isWanted(path)) continue
      await rm(path, { force: true })
      swept.push(path)
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

async function checkFree(dir: string, neededBytes: number): Promise<void> {
  const fs = await statfs(dir)
  const freeBytes = fs.bavail * fs.bsize
  if (freeBytes >= neededBytes) return
  throw new PlaygroundError(
    'TRANSFER_DISK',
    `${dir} has ${formatBytes(freeBytes)} free, the package needs ${formatBytes(neededBytes)}`,
    { hint: 'Free space on that disk, or remove old versions with "p2p-playground app remove".' },
  )
}

async function namesIn(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(ignoreMissing)) ?? []
}

async function dirsIn(dir: string): Promise<string[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(ignoreMissing)) ?? []
  return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : []))
}

async function isVersionDir(dir: string, version: string): Promise<boolean> {
  if (validSemver(version) !== version) return false
  return (await namesIn(dir)).every((name) => PARTS.includes(name))
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
