import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Stream } from '@libp2p/interface'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Logger } from '@p2p-playground/core'
import type { PieceList } from '@p2p-playground/core/bundle'
import { wire } from '@p2p-playground/proto'
import { ByteStream } from '../byte-stream.js'
import { PeerLines } from '../peer-lines.js'

/** One request, one answer, then the bytes of the pieces that were asked for. */
export const PIECES_PROTOCOL = '/p2p-playground/pieces/1.0.0'

/** About 24 MiB. */
const RECENT_PIECES = 24

interface Offered {
  readonly list: PieceList
  readonly path: string
  readonly offsets: readonly number[]
  file: Promise<FileHandle> | undefined
  /** Pieces read lately: receivers that started together ask for the same ones. */
  readonly recent: Map<number, Promise<Buffer>>
  /** How often it is offered, and how many answers read it now. */
  users: number
}

/** Serves pieces of offered files to whoever passed the handshake. */
export class PieceServer {
  readonly #offered = new Map<string, Offered>()
  readonly #logger: Logger
  readonly #broken: PeerLines

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#logger = logger
    this.#broken = new PeerLines({ clock, logger, event: 'pieces-broken' })
  }

  /** Serves the pieces of `path` until the returned function is called. */
  offer(list: PieceList, path: string): () => void {
    const name = nameOf(list.digest)
    const offered = this.#offered.get(name) ?? {
      list,
      path,
      offsets: offsetsOf(list),
      file: undefined,
      recent: new Map(),
      users: 0,
    }
    offered.users += 1
    this.#offered.set(name, offered)
    let open = true
    return () => {
      if (open) this.#release(name, offered)
      open = false
    }
  }

  /** Offers nothing any more. */
  async close(): Promise<void> {
    this.#broken.close()
    const files = [...this.#offered.values()].map(({ file }) => file)
    this.#offered.clear()
    // One that could not be opened needs no closing.
    await Promise.allSettled(files.map(async (file) => (await file)?.close()))
  }

  async serve(stream: Stream): Promise<void> {
    const bytes = new ByteStream(stream)
    try {
      const request = await bytes.readMessage(wire.PieceRequestSchema)
      const name = nameOf(request.listDigest)
      const offered = this.#offered.get(name)
      const refusal = whyNot(offered, request.pieces)
      if (offered === undefined || refusal !== undefined) {
        await bytes.writeMessage(wire.PieceResponseSchema, {
          ok: false,
          code: 'TRANSFER_SOURCE',
          message: refusal ?? '',
        })
        await bytes.end()
        return
      }
      offered.users += 1
      try {
        await bytes.writeMessage(wire.PieceResponseSchema, { ok: true })
        await this.#send(bytes, offered, request.pieces)
        await bytes.end()
      } finally {
        this.#release(name, offered)
      }
    } catch (error) {
      if (!bytes.closed.aborted) this.#broken.add({ error: errorMessage(error) })
      bytes.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #send(bytes: ByteStream, offered: Offered, pieces: readonly number[]): Promise<void> {
    for (const index of pieces) await bytes.write(await this.#piece(offered, index))
  }

  async #piece(offered: Offered, index: number): Promise<Buffer> {
    const known = offered.recent.get(index)
    if (known !== undefined) return known
    const reading = readPiece(offered, index)
    offered.recent.set(index, reading)
    reading.catch(() => offered.recent.delete(index))
    if (offered.recent.size > RECENT_PIECES) {
      const [oldest] = offered.recent.keys()
      if (oldest !== undefined) offered.recent.delete(oldest)
    }
    return reading
  }

  #release(name: string, offered: Offered): void {
    offered.users -= 1
    if (offered.users > 0) return
    // After `close` there is nothing left to release.
    if (this.#offered.get(name) !== offered) return
    this.#offered.delete(name)
    offered.file
      ?.then((file) => file.close())
      .catch((error: unknown) => {
        this.#logger.warn('offer-close-failed', { path: offered.path, error: errorMessage(error) })
      })
    offered.file = undefined
  }
}

async function readPiece(offered: Offered, index: number): Promise<Buffer> {
  const opening = (offered.file ??= open(offered.path, 'r'))
  opening.catch(() => {
    // Read again when it is asked for again.
    if (offered.file === opening) offered.file = undefined
  })
  const file = await opening
  const length = offered.list.pieces[index]?.sizeBytes ?? 0
  const buffer = Buffer.allocUnsafeSlow(length)
  const { bytesRead } = await file.read(buffer, 0, length, offered.offsets[index] ?? 0)
  if (bytesRead !== length) throw new Error(`${offered.path} is shorter than it was when offered`)
  return buffer
}

function whyNot(offered: Offered | undefined, pieces: readonly number[]): string | undefined {
  if (offered === undefined) return 'this peer does not offer that package (any more)'
  const unknown = pieces.find((index) => index >= offered.list.pieces.length)
  return unknown === undefined ? undefined : `the package has no piece ${String(unknown)}`
}

/** Where each piece begins in the file. */
export function offsetsOf(list: PieceList): number[] {
  let offset = 0
  return list.pieces.map((piece) => {
    const start = offset
    offset += piece.sizeBytes
    return start
  })
}

function nameOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex')
}
