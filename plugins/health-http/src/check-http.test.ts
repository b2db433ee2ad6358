import type { RequestListener } from 'node:http'
import type { HealthChecker, HealthResult } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { httpSpec } from './check-http.js'
import plugin from './index.js'
import { withServer } from './server.test.support.js'

const checker: HealthChecker<unknown> = plugin.create({
  config: {},
  logger: new RecordingLogger(),
  clock: new FakeClock(),
  dataDir: '/nonexistent',
})
const forever = new AbortController().signal

const spec = (patch: object = {}): unknown => v.parse(httpSpec, { endpoint: '/health', ...patch })

async function ask(listener: RequestListener, patch: object = {}): Promise<HealthResult> {
  return withServer(listener, async (port) =>
    checker.check({ spec: spec(patch), pid: 1, ports: { web: port } }, forever),
  )
}

describe('http', () => {
  it.each<[string, RequestListener, object, boolean]>([
    ['a 204', (_q, r) => r.writeHead(204).end(), {}, true],
    ['a 404', (_q, r) => r.writeHead(404).end(), {}, false],
    ['a 404 that is asked for', (_q, r) => r.writeHead(404).end(), { status: [404] }, true],
    [
      'a 201 outside of the range',
      (_q, r) => r.writeHead(201).end(),
      { status: ['202-299'] },
      false,
    ],
    ['the body that is expected', (_q, r) => r.end('all is well'), { expect_body: 'well' }, true],
    ['another body', (_q, r) => r.end('all is lost'), { expect_body: 'well' }, false],
    ['a redirect', (_q, r) => r.writeHead(302, { location: 'http://192.0.2.1/' }).end(), {}, false],
    [
      'a redirect that is allowed',
      (_q, r) => r.writeHead(302, { location: '/' }).end(),
      { allow_redirects: true },
      true,
    ],
    [
      'a header and method that were sent',
      (q, r) =>
        r.writeHead(q.headers['x-probe'] === 'yes' && q.method === 'HEAD' ? 200 : 500).end(),
      { headers: { 'x-probe': 'yes' }, method: 'HEAD' },
      true,
    ],
    ['a torn connection', (q) => q.socket.destroy(), {}, false],
  ])('%s', async (_name, listener, patch, healthy) => {
    expect((await ask(listener, patch)).healthy).toBe(healthy)
  })

  it('reads no more than 64 KiB of a body', async () => {
    const endless: RequestListener = (_request, response) => {
      const chunk = Buffer.alloc(16_384, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    }
    expect(await ask(endless, { expect_body: 'never' })).toMatchObject({ healthy: false })
  })

  it.each([
    ['another machine', { endpoint: 'http://192.0.2.1/' }, {}, /not this machine/],
    ['no port', {}, {}, /not exactly one port/],
    ['a port that is not there', { port: 'x' }, { a: 1 }, /no port "x"/],
    ['a URL that is none', { endpoint: 'http://[' }, {}, /no URL/],
  ])('is unhealthy with %s', async (_name, patch, ports, detail) => {
    const result = await checker.check({ spec: spec(patch), pid: 1, ports }, forever)
    expect(result).toMatchObject({
      healthy: false,
      detail: expect.stringMatching(detail) as string,
    })
  })

  it('says that no answer came when it is aborted', async () => {
    const result = await withServer(
      () => undefined,
      async (port) => {
        const stop = new AbortController()
        const asking = checker.check({ spec: spec(), pid: 1, ports: { web: port } }, stop.signal)
        stop.abort()
        return asking
      },
    )
    expect(result).toMatchObject({
      healthy: false,
      detail: expect.stringMatching(/no answer in time/) as string,
    })
  })
})
