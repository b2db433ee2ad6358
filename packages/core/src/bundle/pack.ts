import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, open, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import type { Manifest } from '../model/manifest.js'
import { checkContent } from './check-content.js'
import { checkShebangs } from './check-shebangs.js'
import { chunkStream } from './content-chunker.js'
import type { PackageEntries } from './follow-links.js'
import { gzipChunks } from './gzip-member.js'
import { readIgnoreRules } from './ignore-rules.js'
import { MANIFEST_NAME } from './manifest-name.js'
import { ARCHIVE_NAME, SIGNATURE_NAME, readArchive } from './outer.js'
import { readManifest } from './read-manifest.js'
import { signArchive } from './signature.js'
import { TAR_END, tarHeader, tarPadding } from './tar-writer.js'
import { readTree } from './tree.js'
import type { TreeEntry } from './tree.js'
import type { BundleId, SigningKey } from './types.js'
import { inspectBundle } from './verify.js'
import { refuseDirectory, writeError } from './written-file.js'

/** Where the gzip stream is cut. */
const CUTS = { minBytes: 64 * 1024, averageBytes: 256 * 1024, maxBytes: 1024 * 1024 }

export interface PackRequest {
  readonly dir: string
  /** Default: NAME-VERSION.p2p in the working directory. */
  readonly outPath?: string | undefined
  /** When it was made, milliseconds since the epoch; for a manifest that has no `created_at`. */
  readonly createdAtMs?: number | undefined
  /** Without a key the package is not signed. */
  readonly key?: SigningKey | undefined
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

export interface PackedBundle {
  readonly path: string
  readonly id: BundleId
  readonly manifest: Manifest
  readonly sizeBytes: number
  readonly signed: boolean
  /** Entries of the directory that its rules left out; a directory is one, with all that is in it. */
  readonly ignored: number
}

/**
 * Packs an application directory, without what its .p2pignore leaves out. The same tree gives the same bytes, whatever its
 * times and owners are.
 * @throws BUNDLE_PACK, FILE_ACCESS, and the CONFIG_ codes of its manifest with file:line:column
 */
export async function packDirectory(request: PackRequest): Promise<PackedBundle> {
  const { manifest, content } = await readManifest(request)
  const outPath = resolve(request.outPath ?? `${manifest.name}-${manifest.version}.p2p`)
  const rules = await readIgnoreRules(request.dir, { app: manifest.name, outPath })
  const found = await readTree(request.dir, (path, isDirectory) => rules.takes(path, isDirectory))
  const tree = found.map((entry) =>
    entry.path === MANIFEST_NAME ? holding(entry, content) : entry,
  )
  const entries = entriesOf(tree)
  checkContent(manifest, entries, {
    code: 'BUNDLE_PACK',
    explain: (path) => rules.explain(path),
  })
  await checkShebangs(request.dir, manifest, entries)
  await refuseDirectory(outPath)
  const archivePath = `${outPath}.archive-${String(process.pid)}`
  try {
    await writeArchive(archivePath, request, tree)
    const archive = (): AsyncIterable<Uint8Array> => createReadStream(archivePath)
    const signed = request.key === undefined ? undefined : await signArchive(request.key, archive())
    const digest = signed?.digest ?? (await digestOf(archive()))
    await writeOuter(outPath, { archivePath, signature: signed?.signature })
    const { size } = await statOf(outPath)
    return {
      path: outPath,
      id: { app: manifest.name, version: manifest.version, digest: digest.toString('hex') },
      manifest,
      sizeBytes: size,
      signed: signed !== undefined,
      ignored: rules.leftOut,
    }
  } catch (error) {
    if (systemCode(error) === 'ENOSPC')
      throw new PlaygroundError('BUNDLE_PACK', `no space left for ${outPath}`, { cause: error })
    throw writeError(error, outPath)
  } finally {
    await rm(archivePath, { force: true })
  }
}

/** Signs a package anew, in place or to `outPath`; an earlier signature is replaced. */
export async function signBundle(path: string, key: SigningKey, outPath = path): Promise<BundleId> {
  const { id } = await inspectBundle(path)
  const { signature } = await signArchive(key, readArchive(path))
  const archivePath = `${resolve(outPath)}.archive-${String(process.pid)}`
  await refuseDirectory(outPath)
  try {
    const file = await open(archivePath, 'wx', 0o600)
    try {
      for await (const chunk of readArchive(path)) await file.writeFile(chunk)
    } finally {
      await file.close()
    }
    await writeOuter(resolve(outPath), { archivePath, signature })
  } catch (error) {
    throw writeError(error, outPath)
  } finally {
    await rm(archivePath, { force: true })
  }
  return id
}

function holding(entry: TreeEntry, content: Uint8Array | undefined): TreeEntry {
  if (entry.type !== 'file' || content === undefined) return entry
  return { ...entry, content, sizeBytes: content.length }
}

function entriesOf(tree: readonly TreeEntry[]): PackageEntries {
  return new Map(
    tree.map((entry) => [
      entry.path,
      { type: entry.type, target: entry.type === 'symlink' ? entry.target : '' },
    ]),
  )
}

async function writeArchive(
  path: string,
  request: PackRequest,
  tree: readonly TreeEntry[],
): Promise<void> {
  const totalBytes = tree.reduce(
    (sum, entry) => sum + (entry.type === 'file' ? entry.sizeBytes : 0),
    0,
  )
  let doneBytes = 0
  const file = await open(path, 'wx', 0o600)
  try {
    const counted = tarStream(request.dir, tree, (bytes) => {
      doneBytes += bytes
      request.onProgress?.(doneBytes, totalBytes)
    })
    for await (const chunk of gzipChunks(chunkStream(counted, CUTS))) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

async function* tarStream(
  dir: string,
  tree: readonly TreeEntry[],
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for (const entry of tree) {
    switch (entry.type) {
      case 'directory':
        yield tarHeader({ type: 'Directory', path: `${entry.path}/`, mode: 0o755, sizeBytes: 0 })
        break
      case 'symlink':
        yield tarHeader({
          type: 'SymbolicLink',
          path: entry.path,
          mode: 0o755,
          sizeBytes: 0,
          target: entry.target,
        })
        break
      case 'file':
        yield* fileStream(dir, entry, onBytes)
        break
      default:
        entry satisfies never
    }
  }
  yield TAR_END
}

async function* fileStream(
  dir: string,
  entry: Extract<TreeEntry, { type: 'file' }>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const mode = entry.executable ? 0o755 : 0o644
  yield tarHeader({ type: 'File', path: entry.path, mode, sizeBytes: entry.sizeBytes })
  let read = 0
  const path = join(dir, entry.path)
  const chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[] =
    entry.content === undefined
      ? createReadStream(path, { highWaterMark: 256 * 1024 })
      : [entry.content]
  for await (const chunk of chunks) {
    read += chunk.length
    onBytes(chunk.length)
    yield chunk
  }
  if (read !== entry.sizeBytes)
    throw new PlaygroundError('BUNDLE_PACK', `${path} changed while it was packed`)
  yield tarPadding(entry.sizeBytes)
}

/** Writes the outer file under another name, syncs it, and renames it: never half a package, or a bad one, under its name. */
async function writeOuter(
  outPath: string,
  parts: { readonly archivePath: string; readonly signature: Uint8Array | undefined },
): Promise<void> {
  const draft = `${outPath}.draft-${String(process.pid)}`
  const { size } = await statOf(parts.archivePath)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      if (parts.signature !== undefined) {
        const sizeBytes = parts.signature.length
        await file.writeFile(
          tarHeader({ type: 'File', path: SIGNATURE_NAME, mode: 0o644, sizeBytes }),
        )
        await file.writeFile(parts.signature)
        await file.writeFile(tarPadding(sizeBytes))
      }
      await file.writeFile(
        tarHeader({ type: 'File', path: ARCHIVE_NAME, mode: 0o644, sizeBytes: size }),
      )
      const archive = createReadStream(parts.archivePath, { highWaterMark: 1024 * 1024 })
      for await (const chunk of archive as AsyncIterable<Buffer>) await file.writeFile(chunk)
      await file.writeFile(tarPadding(size))
      await file.writeFile(TAR_END)
      await file.sync()
    } finally {
      await file.close()
    }
    // What we made must pass the rules that nodes apply.
    await inspectBundle(draft)
    await chmod(draft, 0o644)
    await rename(draft, outPath)
  } finally {
    await rm(draft, { force: true })
  }
}

async function digestOf(archive: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const chunk of archive) hash.update(chunk)
  return hash.digest()
}

async function statOf(path: string): Promise<{ readonly size: number }> {
  const file = await open(path, 'r')
  try {
    return await file.stat()
  } finally {
    await file.close()
  }
}
