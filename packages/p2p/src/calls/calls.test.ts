import { Code, ConnectError, createClient } from '@connectrpc/connect'
import type { Client, HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { ERROR_TABLE, PlaygroundError } from '@p2p-playground/core'
import type { Grant } from '@p2p-playground/core'
import { fromConnectError, node } from '@p2p-playground/proto'
import { RecordingLogger, waitFor } from '@p2p-playground/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import type { Host } from '../host.js'
import { Loopback, addressOf, keyPair } from '../testing/loopback.js'
import { callerOf } from './caller.js'
import type { Caller } from './caller.js'

type Service = Partial<ServiceImpl<typeof node.NodeService>>

const loopback = new Loopback()
afterEach(() => loopback.close())

const lead = keyPair('ed25519', { name: 'lead', roles: ['operate'], apps: ['demo-*'] })

/** A host that serves `service`, and a client of it on another host. */
async function serve(service: Service): Promise<{
  client: Client<typeof node.NodeService>
  server: Host
  caller: Host
  logger: RecordingLogger
}> {
  const logger = new RecordingLogger()
  const server = await loopback.host({ trustedKeys: [lead.trusted], logger })
  server.handleCalls((router) => router.service(node.NodeService, service))
  const caller = await loopback.host({ listen: [], roleKeys: [lead.signing] })
  await caller.dial(addressOf(server), AbortSignal.timeout(5000))
  return {
    client: createClient(node.NodeService, caller.transport(server.peerId)),
    server,
    caller,
    logger,
  }
}

async function failureOf(call: Promise<unknown>): Promise<PlaygroundError> {
  try {
    await call
  } catch (error) {
    return fromConnectError(error)
  }
  throw new Error('the call succeeded')
}

async function onEach<Message>(
  messages: AsyncIterable<Message>,
  act: (message: Message) => unknown,
): Promise<void> {
  for await (const message of messages) await act(message)
}

async function readAll<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = []
  for await (const message of messages) all.push(message)
  return all
}

describe('a unary call', () => {
  it('brings an answer, and the server knows who calls', async () => {
    const callers: (Omit<Caller, 'grants'> & { grants: readonly Grant[] })[] = []
    const { client, caller } = await serve({
      getInfo: (_, context) => {
        const caller = callerOf(context)
        callers.push({ ...caller, grants: caller.grants() })
        return { node: { name: 'a', apps: 3 } }
      },
    })
    const { node: info } = await client.getInfo({})
    expect(info).toMatchObject({ name: 'a', apps: 3 })
    expect(callers).toEqual([
      {
        peerId: caller.peerId,
        connectionId: expect.stringMatching(/./) as string,
        grants: [{ key: 'lead', roles: ['operate'], apps: ['demo-*'], notAfterMs: null }],
      },
    ])
  })

  it('carries megabytes both ways', async () => {
    const { client } = await serve({
      addPeer: (request) => {
        throw new PlaygroundError('NODE_ADDRESS', String(request.address.length))
      },
      getInfo: () => ({ node: { name: 'x'.repeat(9_000_000) } }),
    })
    const failure = await failureOf(client.addPeer({ address: 'y'.repeat(7_000_000) }))
    expect(failure.message).toBe('7000000')
    const { node: info } = await client.getInfo({})
    expect(info?.name.length).toBe(9_000_000)
  })

  it('is one of 300 at once', async () => {
    const { client } = await serve({ listPeers: () => ({ peers: [{ peerId: 'x' }] }) })
    const answers = await Promise.all(Array.from({ length: 300 }, () => client.listPeers({})))
    expect(answers.every(({ peers }) => peers[0]?.peerId === 'x')).toBe(true)
  })

  it('goes the other way over the same connection', async () => {
    const { server, caller } = await serve({})
    caller.handleCalls((router) =>
      router.service(node.NodeService, { getInfo: () => ({ node: { name: 'caller' } }) }),
    )
    const back = createClient(node.NodeService, server.transport(caller.peerId))
    expect((await back.getInfo({})).node?.name).toBe('caller')
  })
})

describe('a failure', () => {
  it.each(['APP_NOT_FOUND', 'AUTH_ROLE', 'TRANSFER_DISK', 'AUTH_MEMBERSHIP'] as const)(
    '%s keeps its code, message and hint in unary and streaming calls',
    async (code) => {
      const error = new PlaygroundError(code, 'what was wrong', { hint: 'what to do' })
      const { client } = await serve({
        getInfo: () => {
          throw error
        },
        async *streamEvents() {
          yield await Promise.resolve({ events: [] })
          throw error
        },
      })
      const expected = { code, message: 'what was wrong', hint: 'what to do' }
      expect(await failureOf(client.getInfo({}))).toMatchObject(expected)
      expect(await failureOf(readAll(client.streamEvents({})))).toMatchObject(expected)
      expect(ERROR_TABLE[code].grpc).toBeDefined()
    },
  )

  it('of the server itself tells the caller nothing, and the log what', async () => {
    const secret = new Error('password at /root/secret.ts:1')
    const { client, logger } = await serve({
      getInfo: () => {
        throw secret
      },
      // eslint-disable-next-line require-yield -- it fails before it has anything to say
      async *streamEvents() {
        await Promise.resolve()
        throw secret
      },
    })
    for (const call of [client.getInfo({}), readAll(client.streamEvents({}))]) {
      const failure = await failureOf(call)
      expect(failure.code).toBe('INTERNAL')
      expect(failure.message).toBe('the node failed; its log says why')
    }
    const logged = logger.lines.filter((line) => line.event === 'call-failed')
    expect(logged.map((line) => line.fields['error'])).toEqual([secret.message, secret.message])
  })

  it('of a caller that leaves is none, and not in the log', async () => {
    const arrived = Promise.withResolvers<undefined>()
    const left = Promise.withResolvers<undefined>()
    const { client, logger } = await serve({
      async *streamEvents(_, { signal }) {
        yield { events: [] }
        arrived.resolve(undefined)
        try {
          await untilAborted(signal)
        } finally {
          left.resolve(undefined)
        }
      },
    })
    const leaving = new AbortController()
    const reading = readAll(client.streamEvents({}, { signal: leaving.signal }))
    await arrived.promise
    leaving.abort()
    await expect(reading).rejects.toThrow()
    await left.promise
    await new Promise(setImmediate)
    expect(logger.lines.filter(({ event }) => event.startsWith('call-'))).toEqual([])
  })

  it('for a method that is not there is "unimplemented"', async () => {
    const { client } = await serve({})
    const error = await client.getInfo({}).catch((reason: unknown) => ConnectError.from(reason))
    expect(error).toMatchObject({ code: Code.Unimplemented })
  })

  it.each([
    ['before the answer', 'unary'],
    ['in the middle of a stream', 'stream'],
  ])('is NODE_UNREACHABLE when the node goes away %s', async (_, kind) => {
    const arrived = Promise.withResolvers<undefined>()
    const { client, server } = await serve({
      getInfo: (__, { signal }) => {
        arrived.resolve(undefined)
        return untilAborted(signal)
      },
      async *streamEvents(__, { signal }) {
        yield { events: [] }
        await untilAborted(signal)
      },
    })
    if (kind === 'unary') {
      const failing = failureOf(client.getInfo({}))
      await arrived.promise
      await server.stop()
      expect((await failing).code).toBe('NODE_UNREACHABLE')
    } else {
      const failing = failureOf(onEach(client.streamEvents({}), () => server.stop()))
      expect((await failing).code).toBe('NODE_UNREACHABLE')
    }
  })

  it('is NODE_UNREACHABLE when the peer cannot be dialled', async () => {
    const { caller, server } = await serve({})
    const { peerId } = server
    await server.stop()
    await waitFor('the connection to close', () => !caller.peers().some((one) => one.connected))
    const client = createClient(node.NodeService, caller.transport(peerId))
    const failure = await failureOf(client.getInfo({}))
    expect(failure.code).toBe('NODE_UNREACHABLE')
    expect(failure.hint).toContain('PSK')
  })
})

async function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => {
    reject(new Error('aborted'))
  })
  return promise
}

describe('a streaming call', () => {
  it('brings every message in order', async () => {
    const { client } = await serve({
      async *streamEvents() {
        for (let seq = 1; seq <= 500; seq += 1) {
          yield await Promise.resolve({ events: [{ seq: BigInt(seq) }] })
        }
      },
    })
    const all = await readAll(client.streamEvents({}))
    expect(all.map((one) => Number(one.events[0]?.seq))).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    )
  })

  it('holds the server back while nobody reads', async () => {
    let sent = 0
    const { client } = await serve({
      listPeers: () => ({}),
      async *streamEvents(_, { signal }) {
        while (!signal.aborted) {
          sent += 1
          yield await Promise.resolve({ events: [{ message: 'x'.repeat(1_000_000) }] })
        }
      },
    })
    const stop = new AbortController()
    const messages = client.streamEvents({}, { signal: stop.signal })[Symbol.asyncIterator]()
    await messages.next()
    await waitFor('the server to be held back', async () => {
      const before = sent
      for (let call = 0; call < 20; call += 1) await client.listPeers({})
      return sent === before
    })
    expect(sent).toBeLessThan(60)
    stop.abort()
  })

  it.each([
    ['the caller aborts', 'abort'],
    ['the deadline passes', 'deadline'],
  ])('ends on the server when %s', async (_, how) => {
    const contexts: HandlerContext[] = []
    const { client } = await serve({
      async *streamEvents(__, context) {
        contexts.push(context)
        yield { events: [] }
        await untilAborted(context.signal)
      },
    })
    const stop = new AbortController()
    const options = how === 'deadline' ? { timeoutMs: 200 } : { signal: stop.signal }
    const reading = onEach(client.streamEvents({}, options), () => {
      if (how === 'abort') stop.abort()
    })
    const error = await reading.catch((reason: unknown) => ConnectError.from(reason))
    expect(error).toMatchObject({
      code: how === 'abort' ? Code.Canceled : Code.DeadlineExceeded,
    })
    await waitFor('the server to notice', () => contexts[0]?.signal.aborted)
  })
})
