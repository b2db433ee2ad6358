import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SendResult } from '@libp2p/utils'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { node, wire } from '@p2p-playground/proto'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { Uint8ArrayList } from 'uint8arraylist'
import { expect, it } from 'vitest'
import { QuietStream } from '../quiet-stream.test.support.js'
import { CallServer } from './server.js'

const MiB = 1024 * 1024

/** The server's end of a stream whose other end sends as long as it may. */
class SendingStream extends QuietStream {
  isHeldBack = false
  readonly answer = new Uint8ArrayList()

  constructor() {
    super({ maxReadBufferLength: 8 * MiB })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    this.answer.append(data.slice())
    return super.sendData(data)
  }

  override sendReset(): void {
    this.isHeldBack = true
  }

  override sendPause(): void {
    this.isHeldBack = true
  }

  override sendResume(): void {
    this.isHeldBack = false
  }
}

it('reads no more of a message than a message may have', async () => {
  const server = new CallServer({ clock: new FakeClock(), logger: new RecordingLogger() })
  const seen: number[] = []
  server.register((router) =>
    router.service(node.NodeService, {
      addPeer: ({ address }) => {
        seen.push(address.length)
        return {}
      },
    }),
  )
  const stream = new SendingStream()
  const serving = server.serve(stream, { peerId: 'stranger', connectionId: '1', grants: () => [] })
  const head = toBinary(
    wire.CallRequestSchema,
    create(wire.CallRequestSchema, {
      path: '/p2pplayground.node.v1.NodeService/AddPeer',
      headers: [
        { name: 'content-type', value: 'application/proto' },
        { name: 'connect-protocol-version', value: '1' },
      ],
    }),
  )
  stream.onData(Uint8Array.from([(head.length & 0x7f) | 0x80, head.length >> 7]))
  stream.onData(head)
  let sentBytes = 0
  for (let turns = 0; turns < 1000 && sentBytes < 64 * MiB; turns += 1) {
    if (!stream.isHeldBack) {
      stream.onData(new Uint8Array(MiB / 2))
      sentBytes += MiB / 2
    }
    await nextTurn()
  }
  expect(sentBytes).toBeLessThan(24 * MiB)
  await serving
  expect(seen).toEqual([])
  const { status } = fromBinary(wire.CallResponseSchema, frameOf(stream.answer.slice()))
  expect(status).toBe(429)
})

/** The first message, without its length. */
function frameOf(bytes: Uint8Array): Uint8Array {
  const [low = 0, high = 0] = bytes
  return low < 0x80 ? bytes.slice(1, 1 + low) : bytes.slice(2, 2 + (low & 0x7f) + high * 0x80)
}
