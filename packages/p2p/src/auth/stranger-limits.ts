import type { Connection, Stream, StreamMuxer } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** At once, on one connection. A node that fetches a package opens two. */
const MAX_STREAMS = 64
const MAX_CONNECTION_BYTES = 1024 * 1024
const MAX_ALL_BYTES = 64 * 1024 * 1024
/** What a chunk costs beside its bytes. */
const CHUNK_BYTES = 256

interface Account {
  isTrusted: boolean
  streams: number
  bytes: number
}

type Receive = (data: Uint8Array | Uint8ArrayList) => void

/**
 * How much a peer that has proved no role, or nothing yet, can make this process hold. Flow control gives each stream
 * megabytes, and there may be thousands; but what others send on streams that they opened are requests, and of those that
 * nobody may ask for there need not be much. So what came is counted until its stream has ended, and a stream that brings more
 * is reset. What this side asked for comes on streams of its own, which are not counted.
 */
export class StrangerLimits {
  readonly #accounts = new WeakMap<Connection, Account>()
  #bytes = 0

  /** To be called before the connection's first stream. */
  watch(connection: Connection): void {
    const account: Account = { isTrusted: false, streams: 0, bytes: 0 }
    this.#accounts.set(connection, account)
    muxerOf(connection).addEventListener('stream', (event) => {
      if (!account.isTrusted) this.#count(event.detail, account)
    })
  }

  /** The other side has proved a role. */
  trust(connection: Connection): void {
    const account = this.#accounts.get(connection)
    if (account !== undefined) account.isTrusted = true
  }

  #count(stream: Stream, account: Account): void {
    if (account.streams >= MAX_STREAMS) {
      stream.abort(new Error('a peer without a role has too many streams open'))
      return
    }
    let bytes = 0
    account.streams += 1
    stream.addEventListener(
      'close',
      () => {
        account.streams -= 1
        account.bytes -= bytes
        this.#bytes -= bytes
      },
      { once: true },
    )
    const receiver = stream as unknown as { onData: Receive }
    const receive = receiver.onData.bind(stream)
    receiver.onData = (data) => {
      if (account.isTrusted) {
        receive(data)
        return
      }
      const cost = data.byteLength + CHUNK_BYTES
      if (account.bytes + cost > MAX_CONNECTION_BYTES || this.#bytes + cost > MAX_ALL_BYTES) {
        stream.abort(new Error('a peer without a role sent more than is taken from one'))
        return
      }
      bytes += cost
      account.bytes += cost
      this.#bytes += cost
      // A copy: a few bytes would keep all that was read from the socket with them.
      receive(Uint8Array.from(data.subarray()))
    }
  }
}

/** The connection tells of its streams to nobody else, and only the muxer knows of one before its protocol is agreed on. */
function muxerOf(connection: Connection): StreamMuxer {
  return (connection as unknown as { readonly muxer: StreamMuxer }).muxer
}
