import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type {
  CompletedPart,
  ListMultipartUploadsCommandOutput,
  MultipartUpload,
  S3ClientConfig,
  StorageClass,
} from '@aws-sdk/client-s3'
import { untilAborted } from '@p2p-playground/core'
import type { S3Config } from './config.js'

/** Beside the signal of a call: a machine that is not there, and a connection on which nothing moves. */
const CONNECT_LIMIT_MS = 10_000
const IDLE_LIMIT_MS = 60_000
const ABORT_LIMIT_MS = 5_000

/** From which size on an object is stored in parts, and how large they are. */
export interface PartSizes {
  readonly thresholdBytes: number
  readonly partBytes: number
}

/**
 * The bucket. The module brings the SDK along: import it when it is needed. The SDK heeds a signal while it speaks to the store,
 * but not while it looks for credentials: hence `untilAborted` around every call.
 */
export class ObjectStore {
  readonly #client: S3Client
  readonly #config: S3Config
  readonly #sizes: PartSizes

  constructor(config: S3Config, sizes: PartSizes) {
    this.#config = config
    this.#sizes = sizes
    this.#client = new S3Client(clientConfig(config))
  }

  /** How far the clock of the store is ahead of this machine's, by its last answer, as the SDK heeds it when it signs. */
  get clockOffsetMs(): number {
    return this.#client.config.systemClockOffset
  }

  /** Resolves once the object is there; also when it was there before. */
  async put(key: string, body: Buffer, signal: AbortSignal): Promise<void> {
    try {
      if (body.length <= this.#sizes.thresholdBytes) await this.#putWhole(key, body, signal)
      else await this.#putParts(key, body, signal)
    } catch (error) {
      // The key names these very lines: an earlier try has stored them, and its answer was lost.
      if (statusOf(error) !== 412 || !this.#config.if_none_match) throw error
    }
  }

  /** Aborts uploads in parts that began before and never ended, which the store would keep and charge for. */
  async abortUploads(
    prefix: string,
    isStale: (key: string, begunMs: number) => boolean,
    signal: AbortSignal,
  ): Promise<number> {
    let aborted = 0
    for await (const { Key: key, UploadId: id, Initiated: begun } of this.#uploads(
      prefix,
      signal,
    )) {
      if (key === undefined || id === undefined || begun === undefined) continue
      if (!isStale(key, begun.getTime())) continue
      await this.#abort(key, id, signal)
      aborted += 1
    }
    return aborted
  }

  close(): void {
    this.#client.destroy()
  }

  async #putWhole(key: string, body: Buffer, signal: AbortSignal): Promise<void> {
    const input = { ...this.#newObject(key), ...this.#condition(), Body: body }
    await untilAborted(
      this.#client.send(new PutObjectCommand(input), { abortSignal: signal }),
      signal,
    )
  }

  async #putParts(key: string, body: Buffer, signal: AbortSignal): Promise<void> {
    const create = new CreateMultipartUploadCommand(this.#newObject(key))
    const { UploadId: id } = await untilAborted(
      this.#client.send(create, { abortSignal: signal }),
      signal,
    )
    if (id === undefined) throw new Error('the store began an upload without a name')
    try {
      const parts: CompletedPart[] = []
      for (let from = 0; from < body.length; from += this.#sizes.partBytes) {
        const part = body.subarray(from, from + this.#sizes.partBytes)
        parts.push(await this.#putPart({ key, id, number: parts.length + 1 }, part, signal))
      }
      const complete = new CompleteMultipartUploadCommand({
        ...this.#object(key),
        ...this.#condition(),
        UploadId: id,
        MultipartUpload: { Parts: parts },
      })
      await untilAborted(this.#client.send(complete, { abortSignal: signal }), signal)
    } catch (error) {
      await this.#abort(key, id, AbortSignal.timeout(ABORT_LIMIT_MS)).catch(() => {
        // The store is away: the upload is found again when it is stale.
      })
      throw error
    }
  }

  async #putPart(
    part: { readonly key: string; readonly id: string; readonly number: number },
    body: Buffer,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    const { key, id, number } = part
    const input = { ...this.#object(key), UploadId: id, PartNumber: number, Body: body }
    const stored = await untilAborted(
      this.#client.send(new UploadPartCommand(input), { abortSignal: signal }),
      signal,
    )
    // The end names each part's checksum too, where the SDK sent one.
    const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME } = stored
    return { PartNumber: number, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME }
  }

  async *#uploads(prefix: string, signal: AbortSignal): AsyncGenerator<MultipartUpload> {
    let from: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> = {}
    for (;;) {
      const list = new ListMultipartUploadsCommand({
        Bucket: this.#config.bucket,
        Prefix: prefix,
        KeyMarker: from.NextKeyMarker,
        UploadIdMarker: from.NextUploadIdMarker,
      })
      const page = await untilAborted(this.#client.send(list, { abortSignal: signal }), signal)
      yield* page.Uploads ?? []
      if (page.IsTruncated !== true) return
      from = page
    }
  }

  async #abort(key: string, id: string, signal: AbortSignal): Promise<void> {
    const abort = new AbortMultipartUploadCommand({ ...this.#object(key), UploadId: id })
    await untilAborted(this.#client.send(abort, { abortSignal: signal }), signal)
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#config.bucket, Key: key }
  }

  #newObject(key: string) {
    const { storage_class: storageClass, server_side_encryption: encryption } = this.#config
    return {
      ...this.#object(key),
      // No Content-Encoding: a client that undoes it would not find what the name says.
      ContentType: 'application/gzip',
      StorageClass: storageClass as StorageClass | undefined,
      ServerSideEncryption: encryption,
      SSEKMSKeyId: this.#config.kms_key_id,
    }
  }

  #condition(): { readonly IfNoneMatch?: string } {
    return this.#config.if_none_match ? { IfNoneMatch: '*' } : {}
  }
}

function clientConfig(config: S3Config): S3ClientConfig {
  const { endpoint, credentials } = config
  const region = config.region ?? (endpoint === undefined ? undefined : 'us-east-1')
  const checksums = config.checksums === 'when-required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED'
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: credentials.access_key_id,
            secretAccessKey: credentials.secret_access_key,
            ...(credentials.session_token === undefined
              ? {}
              : { sessionToken: credentials.session_token }),
          },
        }),
    forcePathStyle: config.force_path_style ?? endpoint !== undefined,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    // The shipper decides about tries.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_LIMIT_MS, socketTimeout: IDLE_LIMIT_MS },
  }
}

function statusOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  return (error.$metadata as { readonly httpStatusCode?: unknown }).httpStatusCode
}
