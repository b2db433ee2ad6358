import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { beforeEach, expect, it } from 'vitest'
import { CallServer } from './calls/server.js'
import { QuietStream } from './quiet-stream.test.support.js'
import { PieceServer } from './transfer/piece-server.js'

let clock: FakeClock
let logger: RecordingLogger

beforeEach(() => {
  clock = new FakeClock()
  logger = new RecordingLogger()
})

/** A stream on which something comes that is no length of a message. */
function brokenStream(): QuietStream {
  const stream = new QuietStream()
  setImmediate(() => {
    stream.onData(new Uint8Array(5).fill(0xff))
  })
  return stream
}

interface Server {
  readonly breakOne: () => Promise<void>
  readonly close: () => unknown
}

it.each<[string, () => Server, Readonly<Record<string, string>>]>([
  [
    'call-broken',
    () => {
      const server = new CallServer({ clock, logger })
      const caller = { peerId: 'stranger', connectionId: '1', grants: () => [] }
      return {
        breakOne: () => server.serve(brokenStream(), caller),
        close: () => {
          server.close()
        },
      }
    },
    { peerId: 'stranger' },
  ],
  [
    'pieces-broken',
    () => {
      const server = new PieceServer({ clock, logger })
      return { breakOne: () => server.serve(brokenStream()), close: () => server.close() }
    },
    {},
  ],
])('%s: without end it is a line, and a number a minute or at the end', async (event, of, who) => {
  const { breakOne, close } = of()
  const fields = { ...who, error: 'a peer sent an unsound length' }
  const first = { level: 'warn', event, fields }
  for (let times = 0; times < 100; times += 1) await breakOne()
  expect(logger.lines.splice(0)).toEqual([first])
  await clock.advance(60_000)
  expect(logger.lines.splice(0)).toEqual([{ ...first, fields: { ...fields, more: 99 } }])
  for (let times = 0; times < 3; times += 1) await breakOne()
  await close()
  expect(logger.lines).toEqual([first, { ...first, fields: { ...fields, more: 2 } }])
  expect(clock.sleeping).toBe(0)
})
