import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import type { HeaderData } from 'tar/header'

const BLOCK = 512

/** What makes an entry; everything else about it is fixed, so that the same tree gives the same bytes. */
export interface NewTarEntry {
  readonly type: 'File' | 'Directory' | 'SymbolicLink'
  readonly path: string
  readonly mode: 0o644 | 0o755
  readonly sizeBytes: number
  readonly target?: string
}

/** The header blocks of an entry: uid and gid 0, time 0, and a pax record only where a path is too long for ustar. */
export function tarHeader(entry: NewTarEntry): Buffer {
  const data: HeaderData = {
    path: entry.path,
    mode: entry.mode,
    uid: 0,
    gid: 0,
    size: entry.sizeBytes,
    mtime: new Date(0),
    type: entry.type,
    ...(entry.target === undefined ? {} : { linkpath: entry.target }),
  }
  const header = new Header(data)
  if (!header.encode()) return header.block ?? Buffer.alloc(0)
  const fields: HeaderData = {
    path: entry.path,
    mtime: new Date(0),
    ...(entry.target === undefined ? {} : { linkpath: entry.target }),
  }
  return Buffer.concat([new Pax(fields).encode(), header.block ?? Buffer.alloc(0)])
}

/** Zeros up to the next block. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
}

/** Two zero blocks. */
export const TAR_END = Buffer.alloc(2 * BLOCK)
