import type { Logger } from '@libp2p/interface'
import { AbstractStream } from '@libp2p/utils'
import type { AbstractStreamInit, SendResult } from '@libp2p/utils'

const nothing = (): void => undefined

/** What a stream of libp2p logs to, where a test does not look. */
const log: Logger = Object.assign(nothing, {
  enabled: false,
  trace: nothing,
  error: nothing,
  newScope: () => log,
})

/** Our end of a stream whose other end takes everything and says nothing; what it sends is given to `onData`. */
export class QuietStream extends AbstractStream {
  constructor(options: Partial<AbstractStreamInit> = {}) {
    super({ id: '1', log, ...options })
  }

  sendData(data: { readonly byteLength: number }): SendResult {
    return { sentBytes: data.byteLength, canSendMore: true }
  }

  sendReset(): void {
    // Nobody listens.
  }

  sendPause(): void {
    // Nobody sends.
  }

  sendResume(): void {
    // Nobody sends.
  }

  async sendCloseWrite(): Promise<void> {
    return Promise.resolve()
  }

  async sendCloseRead(): Promise<void> {
    return Promise.resolve()
  }
}
