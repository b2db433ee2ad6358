import { MANIFEST_NAME } from './manifest-name.js'
import type { Manifest } from '../model/manifest.js'
import { parseManifest } from '../model/manifest.js'
import { PlaygroundError, isPlaygroundError } from '../errors.js'
import type { SignedArchive } from './arriving.js'
import { collect } from './byte-reader.js'
import { checkContent } from './check-content.js'
import { DEFAULT_CAPS, EntryRules } from './entry-rules.js'
import type { BundleCaps } from './entry-rules.js'
import { gunzipSingle } from './gzip-member.js'
import { readArchive, readOuter } from './outer.js'
import { SignatureCheck, requireScope, requireSigner } from './signature.js'
import type { TrustContext } from './signature.js'
import { Stage } from './stage.js'
import { readTar } from './tar-reader.js'
import type { TarEntry } from './tar-reader.js'
import type { BundleId, TrustedKey } from './types.js'

const MAX_MANIFEST_BYTES = 256 * 1024

export interface VerifyRequest extends TrustContext {
  readonly path: string
  readonly caps?: BundleCaps | undefined
  /** What an `ArrivingBundle` found while the same file was written. */
  readonly signed?: SignedArchive | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BundleContent {
  readonly id: BundleId
  readonly manifest: Manifest
  readonly manifestText: string
  readonly archiveBytes: number
  readonly unpackedBytes: number
  readonly entries: number
}

export interface VerifiedBundle extends BundleContent {
  readonly signedBy: TrustedKey
}

export interface InspectedBundle extends BundleContent {
  readonly signed: boolean
  readonly files: readonly {
    readonly path: string
    readonly type: TarEntry['type']
    readonly sizeBytes: number
  }[]
}

/** Checks everything about a package and keeps nothing. @throws the BUNDLE_ and SIGNATURE_ codes */
export async function verifyBundle(request: VerifyRequest): Promise<VerifiedBundle> {
  return checkBundle(request, () => undefined)
}

/**
 * Checks a package and unpacks it into a fresh directory under `stageRoot`, synced to disk. On any failure nothing is left.
 * @throws the BUNDLE_ and SIGNATURE_ codes, STATE_DISK
 */
export async function unpackBundle(
  request: VerifyRequest & { readonly stageRoot: string },
): Promise<VerifiedBundle & { readonly stageDir: string }> {
  const stage = await Stage.create(request.stageRoot)
  try {
    const verified = await checkBundle(request, (path, entry) => stage.write(path, entry))
    await stage.sync()
    return { ...verified, stageDir: stage.dir }
  } catch (error) {
    await stage.discard()
    throw error
  }
}

/** What a package says of itself, under the same rules but without trust. */
export async function inspectBundle(
  path: string,
  options: { readonly caps?: BundleCaps; readonly signal?: AbortSignal } = {},
): Promise<InspectedBundle> {
  const caps = options.caps ?? DEFAULT_CAPS
  const check = new SignatureCheck([])
  const parts = await readOuter(path, {
    onArchive: (chunk) => {
      check.update(chunk)
    },
    maxFileBytes: caps.maxFileBytes,
    allowUnsigned: true,
    signal: options.signal,
  })
  const { digest } = check.finish(new Uint8Array(0))
  const files: { path: string; type: TarEntry['type']; sizeBytes: number }[] = []
  const content = await scan(
    { path, caps, signal: options.signal },
    parts.archiveBytes,
    digest,
    (name, entry) => {
      files.push({ path: name, type: entry.type, sizeBytes: entry.sizeBytes })
      return undefined
    },
  )
  return { ...content, signed: parts.signature !== null, files }
}

type Visit = (path: string, entry: TarEntry) => Promise<void> | undefined

async function checkBundle(request: VerifyRequest, visit: Visit): Promise<VerifiedBundle> {
  const caps = request.caps ?? DEFAULT_CAPS
  const { digest, signedBy, archiveBytes } = request.signed ?? (await readSigned(request, caps))
  const content = await scan({ ...request, caps }, archiveBytes, digest, visit)
  requireScope(signedBy, content.id.app)
  return { ...content, signedBy }
}

async function readSigned(request: VerifyRequest, caps: BundleCaps): Promise<SignedArchive> {
  const check = new SignatureCheck(request.trusted)
  const parts = await readOuter(request.path, {
    onArchive: (chunk) => {
      check.update(chunk)
    },
    maxFileBytes: caps.maxFileBytes,
    allowUnsigned: false,
    signal: request.signal,
  })
  const { digest, signedBy } = check.finish(parts.signature ?? new Uint8Array(0))
  return { digest, signedBy: requireSigner(signedBy, request), archiveBytes: parts.archiveBytes }
}

/** Walks app.tar.gz under the entry rules, then reads the manifest. */
async function scan(
  request: {
    readonly path: string
    readonly caps: BundleCaps
    readonly signal?: AbortSignal | undefined
  },
  archiveBytes: number,
  digest: Buffer,
  visit: Visit,
): Promise<BundleContent> {
  const rules = new EntryRules(request.caps, archiveBytes)
  let manifestText: string | undefined
  for await (const entry of readTar(gunzipSingle(readArchive(request.path, request.signal)))) {
    const path = rules.accept(entry)
    if (path === undefined) continue
    if (path === MANIFEST_NAME && entry.type === 'file') {
      const text = await readText(entry)
      manifestText = text.toString('utf8')
      await visit(path, { ...entry, body: once(text) })
    } else await visit(path, entry)
  }
  rules.finish()
  if (manifestText === undefined) {
    throw new PlaygroundError('BUNDLE_MANIFEST', `the package has no ${MANIFEST_NAME} at its root`)
  }
  const manifest = readManifest(manifestText)
  checkContent(manifest, rules.known, { code: 'BUNDLE_MANIFEST' })
  return {
    id: { app: manifest.name, version: manifest.version, digest: digest.toString('hex') },
    manifest,
    manifestText,
    archiveBytes,
    unpackedBytes: rules.unpackedBytes,
    entries: rules.entries,
  }
}

function readManifest(text: string): Manifest {
  try {
    return parseManifest(text, MANIFEST_NAME)
  } catch (error) {
    if (!isPlaygroundError(error)) throw error
    throw new PlaygroundError('BUNDLE_MANIFEST', error.message, {
      hint: error.hint,
      details: error.details,
      cause: error,
    })
  }
}

async function readText(entry: TarEntry): Promise<Buffer> {
  if (entry.sizeBytes > MAX_MANIFEST_BYTES) {
    throw new PlaygroundError(
      'BUNDLE_MANIFEST',
      `${MANIFEST_NAME} is larger than ${String(MAX_MANIFEST_BYTES)} bytes`,
    )
  }
  return collect(entry.body, entry.sizeBytes)
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}
