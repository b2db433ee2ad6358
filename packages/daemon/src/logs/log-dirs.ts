import { existsSync, readdirSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, formatInstance, systemCode } from '@p2p-playground/core'
import type { InstanceKey } from '@p2p-playground/core'
import { overwriteTree } from '../erase.js'

/** Where the app logs of a node lie: a directory for each app, and in it one for each version. */
export class LogDirs {
  readonly #rootDir: string
  /** Instances whose files are being deleted: whoever opened them now would make them anew. */
  readonly #removing = new Set<string>()

  constructor(rootDir: string) {
    this.#rootDir = rootDir
  }

  /** @throws INTERNAL for what cannot be the name of an app or a version. */
  of(key: InstanceKey): string {
    if (!isName(key.app) || !isName(key.version)) {
      throw new PlaygroundError('INTERNAL', `"${formatInstance(key)}" cannot have a log`)
    }
    return join(this.#rootDir, key.app, key.version)
  }

  apps(): string[] {
    return namesIn(this.#rootDir)
  }

  /** Those that have a log. */
  versionsOf(app: string): string[] {
    const dir = join(this.#rootDir, app)
    if (!isName(app)) return []
    return namesIn(dir).filter(
      (version) =>
        existsSync(join(dir, version, 'segments')) &&
        !this.#removing.has(formatInstance({ app, version })),
    )
  }

  async remove(key: InstanceKey, options: { readonly overwrite: boolean }): Promise<void> {
    const dir = this.of(key)
    const name = formatInstance(key)
    this.#removing.add(name)
    try {
      if (options.overwrite) await overwriteTree(dir)
      await rm(dir, { recursive: true, force: true })
    } finally {
      this.#removing.delete(name)
    }
  }

  /** Removes what is left of an app without versions. */
  async removeIfEmpty(app: string): Promise<void> {
    try {
      await rmdir(join(this.#rootDir, app))
    } catch (error) {
      const code = systemCode(error)
      if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EEXIST') throw error
    }
  }
}

/** Letters, digits, `.`, `+` and `-`, as in names and semver: nothing that leads elsewhere on the disk. */
function isName(text: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z.+-]{0,250}$/.test(text)
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isName(entry.name))
      .map((entry) => entry.name)
  } catch (error) {
    // It may go at any time, when the last in it is removed.
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
