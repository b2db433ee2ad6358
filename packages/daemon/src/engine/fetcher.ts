import {
  PlaygroundError,
  asPlaygroundError,
  formatInstance,
  newInstanceRecord,
} from '@p2p-playground/core'
import type { Clock, InstanceRecord } from '@p2p-playground/core'
import { ArrivingBundle, unpackBundle } from '@p2p-playground/core/bundle'
import type {
  BundleId,
  PieceList,
  SignedArchive,
  TrustContext,
  TrustedKey,
} from '@p2p-playground/core/bundle'
import { rm } from 'node:fs/promises'
import { holdMemory } from '../release-memory.js'
import type { PackageStore } from './package-store.js'

/** Between two reports of the same transfer: each goes to everybody who watches it. */
const REPORT_MS = 100

/** A package that somebody with the right role offered to this node. */
export interface FetchJob {
  readonly id: BundleId
  readonly list: PieceList
  /** PeerIDs that hold the pieces. */
  readonly sources: readonly string[]
  /** Ids of the connections to ask them over, where it matters. */
  readonly connections?: ReadonlyMap<string, string> | undefined
  /** Where the package may lie on this machine. */
  readonly localPath?: string | undefined
  readonly allowDowngrade: boolean
  /** PeerID of who asked. */
  readonly by: string
}

export interface FetchProgress {
  readonly phase: 'transfer' | 'verify'
  readonly doneBytes: number
  readonly reusedBytes: number
  readonly copiedBytes: number
}

export interface PieceFetcher {
  fetchPieces(options: {
    readonly list: PieceList
    readonly sources: readonly string[]
    readonly connections?: ReadonlyMap<string, string> | undefined
    readonly localPath?: string | undefined
    readonly partPath: string
    readonly reader: (bytes: Uint8Array) => Promise<void>
    readonly unchecked: boolean
    readonly onProgress: (progress: Omit<FetchProgress, 'phase'>) => void
    readonly signal: AbortSignal
  }): Promise<unknown>
}

export interface FetchedPackage {
  readonly manifestText: string
  readonly signedBy: string
  readonly createdAtMs: number
  readonly stageDir: string
  readonly partPath: string
}

interface Way {
  readonly partPath: string
  readonly unchecked: boolean
  readonly onProgress: (progress: FetchProgress) => void
}

/** Brings a package here and verifies it. What arrived stays for the next try unless it proved bad. */
export class Fetcher {
  readonly #pieces: PieceFetcher
  readonly #packages: PackageStore
  readonly #trusted: readonly TrustedKey[]
  readonly #revoked: readonly string[]
  readonly #clock: Clock

  constructor(options: {
    readonly pieces: PieceFetcher
    readonly packages: PackageStore
    readonly trusted: readonly TrustedKey[]
    readonly revoked: readonly string[]
    readonly clock: Clock
  }) {
    this.#pieces = options.pieces
    this.#packages = options.packages
    this.#trusted = options.trusted
    this.#revoked = options.revoked
    this.#clock = options.clock
  }

  async fetch(
    job: FetchJob,
    onProgress: (progress: FetchProgress) => void,
    signal: AbortSignal,
  ): Promise<FetchedPackage> {
    const release = holdMemory()
    try {
      return await this.#fetch(job, onProgress, signal)
    } finally {
      release()
    }
  }

  async #fetch(
    job: FetchJob,
    onProgress: (progress: FetchProgress) => void,
    signal: AbortSignal,
  ): Promise<FetchedPackage> {
    await this.#packages.checkSpace(job.list.sizeBytes)
    const partPath = this.#packages.partPath(job.id, job.list.digest)
    // Where only the one who asks for it sends it, the signature tells of a bad piece as well.
    if (job.sources.every((source) => source === job.by)) {
      try {
        return await this.#bring(job, { partPath, unchecked: true, onProgress }, signal)
      } catch (error) {
        if (!isRefused(error)) throw error
        // A bad piece or a bad package: below, what is here is checked, and fetched again where it is not as offered.
      }
    }
    try {
      return await this.#bring(job, { partPath, unchecked: false, onProgress }, signal)
    } catch (error) {
      // Every byte came as the offer said, so another try would bring the same.
      if (isRefused(error)) await rm(partPath, { force: true })
      throw error
    }
  }

  async #bring(job: FetchJob, way: Way, signal: AbortSignal): Promise<FetchedPackage> {
    const { partPath, unchecked, onProgress } = way
    const trust = { trusted: this.#trusted, revoked: this.#revoked, nowMs: this.#clock.now() }
    const { sizeBytes } = job.list
    const arriving = new ArrivingBundle({ path: partPath, sizeBytes }, trust)
    let brought = { doneBytes: 0, reusedBytes: 0, copiedBytes: 0 }
    let reportedMs = -Infinity
    await this.#pieces.fetchPieces({
      list: job.list,
      sources: job.sources,
      connections: job.connections,
      localPath: job.localPath,
      partPath,
      reader: (bytes) => arriving.take(bytes),
      unchecked,
      onProgress: ({ doneBytes, reusedBytes, copiedBytes }) => {
        brought = { doneBytes, reusedBytes, copiedBytes }
        const nowMs = this.#clock.monotonic()
        if (nowMs - reportedMs < REPORT_MS) return
        reportedMs = nowMs
        onProgress({ phase: 'transfer', ...brought })
      },
      signal,
    })
    onProgress({ phase: 'verify', ...brought })
    const signed = await arriving.finish()
    return { ...(await this.#unpack(job, { path: partPath, signed, trust }, signal)), partPath }
  }

  /** Verifies the package of a version that was accepted before, and unpacks it into a stage; gives that. */
  async unpackAgain(record: InstanceRecord, signal: AbortSignal): Promise<string> {
    const bundle = await unpackBundle({
      path: this.#packages.packagePath(record.digest),
      trusted: this.#trusted,
      revoked: this.#revoked,
      nowMs: this.#clock.now(),
      stageRoot: this.#packages.paths.stage,
      signal,
    })
    if (bundle.id.digest === record.digest) return bundle.stageDir
    await rm(bundle.stageDir, { recursive: true, force: true })
    throw new PlaygroundError('STATE_CORRUPT', 'it holds another package than its name says')
  }

  async #unpack(
    job: FetchJob,
    from: {
      readonly path: string
      readonly signed: SignedArchive
      readonly trust: TrustContext
    },
    signal: AbortSignal,
  ): Promise<Omit<FetchedPackage, 'partPath'>> {
    const bundle = await unpackBundle({
      ...from.trust,
      path: from.path,
      signed: from.signed,
      stageRoot: this.#packages.paths.stage,
      signal,
    })
    const same =
      bundle.id.app === job.id.app &&
      bundle.id.version === job.id.version &&
      bundle.id.digest === job.id.digest
    if (!same) {
      await rm(bundle.stageDir, { recursive: true, force: true })
      throw new PlaygroundError(
        'TRANSFER_OFFER',
        `${formatInstance(job.id)} was offered, but the package is ${formatInstance(bundle.id)} (${bundle.id.digest.slice(0, 12)}…)`,
      )
    }
    return {
      manifestText: bundle.manifestText,
      signedBy: bundle.signedBy.name,
      createdAtMs: bundle.manifest.createdAtMs ?? 0,
      stageDir: bundle.stageDir,
    }
  }
}

/** Because of what the package is, so that the same bytes will never do. */
function isRefused(error: unknown): boolean {
  return asPlaygroundError(error).row.exit === 6
}

/** The record of an app version that is wanted but not here yet. */
export function wantedRecord(job: FetchJob): InstanceRecord {
  const { id, list } = job
  return {
    ...newInstanceRecord(id, id.digest),
    sizeBytes: list.sizeBytes,
    reason: 'on its way',
  }
}
