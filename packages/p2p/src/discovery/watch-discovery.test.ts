import type { Discovery, PeerCandidate } from '@p2p-playground/core'
import { FakeClock, RecordingLogger, waitFor } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import { watchDiscovery } from './watch-discovery.js'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const good: PeerCandidate = {
  peerId: PEER,
  addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`],
  source: 'test',
}

function setUp(watch: (signal: AbortSignal) => AsyncIterable<unknown>) {
  const clock = new FakeClock()
  const logger = new RecordingLogger()
  const found: PeerCandidate[] = []
  const failures: string[] = []
  const stop = new AbortController()
  const done = watchDiscovery(
    {
      name: 'test',
      discovery: { watch } as Discovery,
      retries: true,
      clock,
      logger,
      add: (candidate) => found.push(candidate),
      onFailure: (name, error) => failures.push(`${name}: ${String(error)}`),
    },
    stop.signal,
  )
  return { clock, logger, found, failures, stop, done }
}

it('asks one that throws again, later each time, and tells of it once', async () => {
  let asked = 0
  const { clock, logger, failures, stop, done } = setUp(() => {
    asked += 1
    throw new Error('boom')
  })
  await clock.advance(0)
  expect(asked).toBe(1)
  await clock.advance(1000)
  expect(asked).toBe(2)
  await clock.advance(1999)
  expect(asked).toBe(2)
  await clock.advance(1)
  expect(asked).toBe(3)
  expect(failures).toEqual(['test: Error: boom'])
  expect(logger.lines.map(({ fields }) => fields['retryMs'])).toEqual([1000, 2000, 4000])
  stop.abort()
  await done
})

it('begins anew with its patience when it has found something, and tells of the next failure', async () => {
  let asked = 0
  const { clock, found, failures, stop, done } = setUp(async function* () {
    asked += 1
    if (asked > 1) yield await Promise.resolve(good)
    throw new Error('lost')
  })
  await clock.advance(1000)
  expect(found).toEqual([good])
  await clock.advance(1000)
  expect(asked).toBe(3)
  expect(failures).toHaveLength(3)
  stop.abort()
  await done
})

it.each([
  ['nothing', undefined],
  ['no PeerID', { ...good, peerId: 'x' }],
  ['no addresses', { ...good, addresses: undefined }],
  ['an address of somebody else', { ...good, addresses: ['/ip4/127.0.0.1/tcp/1/p2p/12D3KooWx'] }],
  ['an address that is none', { ...good, addresses: ['here'] }],
  ['no source', { ...good, source: 5 }],
])('passes over %s, and takes what comes after', async (_what, nonsense) => {
  const { logger, found, stop, done } = setUp(async function* () {
    yield await Promise.resolve(nonsense)
    yield nonsense
    yield good
  })
  await done
  expect(found).toEqual([good])
  expect(logger.lines.map(({ event }) => event)).toEqual(['discovery-nonsense'])
  stop.abort()
})

it('is not kept from its end by one that hangs', async () => {
  const { clock, stop, done } = setUp(async function* () {
    yield await Promise.resolve(good)
    await new Promise(() => undefined)
  })
  await clock.advance(0)
  stop.abort()
  await clock.advance(2000)
  await done
})

it('lets other work run beside one that finds without end', async () => {
  const { found, stop, done } = setUp(async function* () {
    for (;;) yield await Promise.resolve(good)
  })
  await waitFor('some were found', () => found.length > 10)
  stop.abort()
  await done
})
