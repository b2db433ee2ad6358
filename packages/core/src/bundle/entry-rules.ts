import { PlaygroundError } from '../errors.js'
import { followLinks } from './follow-links.js'
import type { PackageEntries, PackageEntry } from './follow-links.js'
import type { TarEntry } from './tar-reader.js'

/** Caps on what a package may hold. */
export interface BundleCaps {
  readonly maxFileBytes: number
  readonly maxEntries: number
  readonly maxDepth: number
  readonly maxUnpackedBytes: number
  /** Unpacked bytes per packed byte, counted above `ratioFloorBytes`. */
  readonly maxRatio: number
  readonly ratioFloorBytes: number
}

export const DEFAULT_CAPS: BundleCaps = {
  maxFileBytes: 4 * 1024 ** 3,
  maxEntries: 20_000,
  maxDepth: 32,
  maxUnpackedBytes: 16 * 1024 ** 3,
  maxRatio: 200,
  ratioFloorBytes: 64 * 1024 ** 2,
}

const MAX_PATH_BYTES = 4096
const MAX_NAME_BYTES = 255

/** Decides for each entry of app.tar.gz whether it may be unpacked; keeps what the next decisions need. */
export class EntryRules {
  readonly #caps: BundleCaps
  readonly #packedBytes: number
  readonly #known = new Map<string, PackageEntry>()
  /** Folded path → path: what a file system that ignores case or normalises would confuse. */
  readonly #folded = new Map<string, string>()
  #entries = 0
  #unpackedBytes = 0

  constructor(caps: BundleCaps, packedBytes: number) {
    this.#caps = caps
    this.#packedBytes = packedBytes
  }

  get entries(): number {
    return this.#entries
  }

  /** What was accepted so far. */
  get known(): PackageEntries {
    return this.#known
  }

  get unpackedBytes(): number {
    return this.#unpackedBytes
  }

  /**
   * The path to unpack to, relative and clean; undefined for the root itself.
   * @throws BUNDLE_ENTRY, BUNDLE_DUPLICATE, BUNDLE_LIMIT
   */
  accept(entry: TarEntry): string | undefined {
    this.#entries += 1
    if (this.#entries > this.#caps.maxEntries)
      throw limit(`more than ${String(this.#caps.maxEntries)} entries`)
    this.#unpackedBytes += entry.sizeBytes
    this.#checkSize()
    const path = cleanPath(entry.path, entry.type === 'directory')
    if (path === '') return undefined
    if ((entry.mode & 0o7000) !== 0)
      throw entryError(entry.path, 'has a setuid, setgid or sticky bit')
    const parts = path.split('/')
    if (parts.length > this.#caps.maxDepth)
      throw limit(`a depth of more than ${String(this.#caps.maxDepth)}`)
    if (entry.type === 'symlink') checkTarget(entry)
    for (let depth = 1; depth < parts.length; depth += 1)
      this.#parent(parts.slice(0, depth).join('/'), entry)
    this.#add(path, entry)
    return path
  }

  /** Every symlink, followed through the others, must end inside. Called once all entries are known. */
  finish(): void {
    for (const [path, known] of this.#known) {
      if (known.type !== 'symlink') continue
      const place = followLinks(this.#known, path)
      if (place === 'outside') throw entryError(path, 'is a link that leads outside')
      if (place === 'circle') throw entryError(path, 'is a link that goes in circles')
    }
  }

  #checkSize(): void {
    const { maxUnpackedBytes, maxRatio, ratioFloorBytes } = this.#caps
    if (this.#unpackedBytes > maxUnpackedBytes)
      throw limit(`more than ${String(maxUnpackedBytes)} bytes unpacked`)
    if (
      this.#unpackedBytes > ratioFloorBytes &&
      this.#unpackedBytes > this.#packedBytes * maxRatio
    ) {
      throw limit(`content that unpacks to more than ${String(maxRatio)} times its size`)
    }
  }

  #parent(path: string, entry: TarEntry): void {
    const known = this.#known.get(path)
    if (known === undefined) this.#add(path, { ...entry, type: 'directory', path, target: '' })
    else if (known.type !== 'directory')
      throw entryError(entry.path, `lies below "${path}", which is a ${known.type}`)
  }

  #add(path: string, entry: TarEntry): void {
    const known = this.#known.get(path)
    if (known !== undefined) {
      // A directory may be named after its content made it necessary.
      if (known.type === 'directory' && entry.type === 'directory') return
      throw new PlaygroundError('BUNDLE_DUPLICATE', `"${path}" is in the package twice`)
    }
    const folded = path.normalize('NFC').toLowerCase()
    const twin = this.#folded.get(folded)
    if (twin !== undefined) {
      throw new PlaygroundError(
        'BUNDLE_DUPLICATE',
        `"${path}" and "${twin}" are the same name on some file systems`,
      )
    }
    this.#folded.set(folded, path)
    this.#known.set(path, { type: entry.type, target: entry.target })
  }
}

function cleanPath(path: string, isDirectory: boolean): string {
  if (path.includes('\0') || path.includes('\uFFFD'))
    throw entryError(path, 'is not a name in UTF-8 without NUL')
  if (path === '' || path.startsWith('/')) throw entryError(path, 'is not a relative path')
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw entryError(path.slice(0, 60), 'is too long a path')
  let clean = path
  while (clean.startsWith('./')) clean = clean.slice(2)
  if (isDirectory && clean.endsWith('/')) clean = clean.slice(0, -1)
  if (clean === '' || clean === '.') {
    if (isDirectory) return ''
    throw entryError(path, 'is no name of a file')
  }
  for (const part of clean.split('/')) {
    if (part === '' || part === '.' || part === '..')
      throw entryError(path, 'has an empty, "." or ".." part')
    if (Buffer.byteLength(part) > MAX_NAME_BYTES)
      throw entryError(path.slice(0, 60), 'has too long a name')
  }
  return clean
}

function checkTarget(entry: TarEntry): void {
  const { target } = entry
  if (
    target === '' ||
    target.startsWith('/') ||
    target.includes('\0') ||
    Buffer.byteLength(target) > MAX_PATH_BYTES
  ) {
    throw entryError(entry.path, `is a link to "${target}"; links are relative and stay inside`)
  }
}

function entryError(path: string, what: string): PlaygroundError {
  return new PlaygroundError('BUNDLE_ENTRY', `"${path}" ${what}`)
}

function limit(what: string): PlaygroundError {
  return new PlaygroundError('BUNDLE_LIMIT', `the package has ${what}`)
}
