import { describe, expect, it } from 'vitest'
import { ByteStream } from './byte-stream.js'
import { QuietStream } from './quiet-stream.test.support.js'

const MiB = 1024 * 1024

/** A stream that notes when its far side is held back. */
class NotingStream extends QuietStream {
  readonly told: string[] = []

  constructor() {
    super({ maxReadBufferLength: 8 * MiB })
  }

  override sendReset(): void {
    this.told.push('reset')
  }

  override sendPause(): void {
    this.told.push('pause')
  }

  override sendResume(): void {
    this.told.push('resume')
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
