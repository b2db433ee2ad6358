import type { TarEntry } from './tar-reader.js'

/** One thing in a package; of a symlink, where it points to. */
export interface PackageEntry {
  readonly type: TarEntry['type']
  readonly target: string
}

/** Everything in a package, by path. */
export type PackageEntries = ReadonlyMap<string, PackageEntry>

/** Where a path ends when its symlinks are followed. */
export interface Place {
  /** Empty: the root of the package. */
  readonly path: string
  /** False when it leads through something that is no directory, so that a kernel would not get there. */
  readonly isReached: boolean
}

const MAX_LINKS = 40

/** Follows the symlinks of a path in a package; or says why they cannot be. */
export function followLinks(entries: PackageEntries, start: string): Place | 'outside' | 'circle' {
  let rest = start.split('/')
  let at: string[] = []
  let isReached = true
  let links = 0
  while (rest.length > 0) {
    const [part = '', ...others] = rest
    rest = others
    if (part === '' || part === '.' || part === '..') {
      isReached &&= at.length === 0 || entries.get(at.join('/'))?.type === 'directory'
      if (part !== '..') continue
      if (at.length === 0) return 'outside'
      at = at.slice(0, -1)
      continue
    }
    const entry = entries.get([...at, part].join('/'))
    if (entry?.type === 'symlink') {
      links += 1
      if (links > MAX_LINKS) return 'circle'
      rest = [...entry.target.split('/'), ...rest]
    } else at = [...at, part]
  }
  return { path: at.join('/'), isReached }
}

/** What a path of a package leads to; undefined when there is nothing. */
export function typeOf(entries: PackageEntries, path: string): 'file' | 'directory' | undefined {
  const place = followLinks(entries, path)
  if (typeof place === 'string' || !place.isReached) return undefined
  if (place.path === '') return 'directory'
  const type = entries.get(place.path)?.type
  return type === 'symlink' ? undefined : type
}
