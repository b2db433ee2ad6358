import type { HealthChecker, HealthResult, HealthTarget } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { healthCheckerContract, pluginContract } from '@p2p-playground/testkit/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import plugin from './index.js'
import { hasRedis, redis, standIn } from './redis.test.support.js'
import type { Answer, Redis } from './redis.test.support.js'

const PASSWORD = 'p ä\r\nss'
const forever = new AbortController().signal

interface Config {
  readonly username?: string
  readonly password?: string
  readonly allow_hosts?: string[]
}

const create = ({ allow_hosts = [], ...config }: Config = {}): HealthChecker<unknown> =>
  plugin.create({
    config: { ...config, allow_hosts },
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })

const at = (port: number, spec: object = {}): HealthTarget<unknown> => ({
  spec,
  pid: process.pid,
  ports: { redis: port },
})

async function withServer(
  answer: string | undefined,
  work: (target: HealthTarget<unknown>) => Promise<void>,
): Promise<void> {
  const server = await standIn(answer === undefined ? undefined : { pieces: [answer] })
  try {
    await work(at(server.port))
  } finally {
    await server.close()
  }
}

pluginContract(plugin, {
  valid: [{}, { username: 'probe', password: 'secret', allow_hosts: ['cache.internal'] }],
  invalid: [{ password: 5 }, { passwort: 'secret' }, { allow_hosts: 'cache' }, null],
})

const specs = {
  valid: [{}, { port: 'redis' }, { address: '127.0.0.1:6379' }],
  invalid: [{ port: 6379 }, { adress: 'x' }, { port: 'redis', address: '127.0.0.1:6379' }, null],
}

healthCheckerContract('redis, before a stand-in', {
  ...specs,
  create,
  healthy: async (work) => withServer('+PONG\r\n', work),
  unhealthy: async (work) =>
    withServer('-LOADING Redis is loading the dataset in memory\r\n', work),
  slow: async (work) => withServer(undefined, work),
})

if (!hasRedis) process.stderr.write('a real Redis server is not asked: there is none here\n')

describe.skipIf(!hasRedis)('a real server', () => {
  let server: Redis

  beforeAll(async () => {
    server = await redis(PASSWORD)
  })

  afterAll(async () => {
    await server.close()
  })

  const look = async (config: Config): Promise<HealthResult> =>
    create(config).check(at(server.port), forever)

  it('that wants a password is asked with it', async () => {
    expect(await look({ password: PASSWORD })).toEqual({ healthy: true })
    expect(await look({ username: 'default', password: PASSWORD })).toEqual({ healthy: true })
  })

  it('says what is wrong with the password', async () => {
    const [none, wrong] = [await look({}), await look({ password: 'other' })]
    expect(none.detail).toMatch(/^NOAUTH/)
    expect(wrong.detail).toMatch(/^WRONGPASS/)
  })

  healthCheckerContract('redis', {
    ...specs,
    create: () => create({ password: PASSWORD }),
    healthy: async (work) => work(at(server.port)),
    unhealthy: async (work) => work(at(1)),
    slow: async (work) => server.silent(async () => work(at(server.port))),
  })
})

it.each<[string, Answer, HealthResult]>([
  ['PONG in pieces', { pieces: ['+PO', 'NG\r', '\n'] }, { healthy: true }],
  [
    'half an answer',
    { pieces: ['+PO'], hangsUp: true },
    { healthy: false, detail: 'the server hung up' },
  ],
  [
    'something else',
    { pieces: ['+OK\r\n'] },
    { healthy: false, detail: 'PING was answered "+OK"' },
  ],
  [
    'HTTP',
    { pieces: ['HTTP/1.1 400 Bad Request\r\n\r\n'] },
    { healthy: false, detail: '"HTTP/1.1 400 Bad Request"' },
  ],
  [
    'no line at all',
    { pieces: ['x'.repeat(10_000)] },
    { healthy: false, detail: 'this is no Redis server' },
  ],
])('understands %s', async (_name, answer, expected) => {
  const server = await standIn(answer)
  try {
    expect(await create().check(at(server.port), AbortSignal.timeout(5000))).toEqual(expected)
  } finally {
    await server.close()
  }
})

it.each<[string, object, RegExp]>([
  ['a port that the app has not', { port: 'other' }, /no port "other"/],
  ['an address that is none', { address: 'redis' }, /not host:port/],
  ['another machine', { address: 'cache.internal:6379' }, /not this machine/],
])('is unhealthy with %s', async (_name, spec, detail) => {
  expect((await create().check(at(1, spec), forever)).detail).toMatch(detail)
})
