import { AbstractStream } from '@libp2p/utils'
import type { SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { ByteStream } from './byte-stream.js'
import { log } from './silent-log.test.support.js'

const MiB = 1024 * 1024

/** A stream that notes when its far side is held back. */
class NotingStream extends AbstractStream {
  readonly told: string[] = []

  constructor() {
    super({ id: '1', log, maxReadBufferLength: 8 * MiB })
  }

  sendData(data: Uint8ArrayList): SendResult {
    return { sentBytes: data.byteLength, canSendMore: true }
  }

  sendReset(): void {
    this.told.push('reset')
  }

  sendPause(): void {
    this.told.push('pause')
  }

  sendResume(): void {
    this.told.push('resume')
  }

  async sendCloseWrite(): Promise<void> {
    return Promise.resolve()
  }

  async sendCloseRead(): Promise<void> {
    return Promise.resolve()
  }
}

describe('ByteStream', () => {
  it('holds the far side back while too much is unread, also when what was buffered is too much again', async () => {
    const stream = new NotingStream()
    const bytes = new ByteStream(stream)
    stream.onData(new Uint8Array(3 * MiB))
    expect(stream.told).toEqual(['pause'])
    stream.onData(new Uint8Array(3 * MiB))
    await bytes.next()
    expect(stream.told).toEqual(['pause', 'resume', 'pause'])
    expect(stream.readStatus).toBe('paused')
    await bytes.next()
    expect(stream.told).toEqual(['pause', 'resume', 'pause', 'resume'])
  })
})
