import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lokiConfig } from './config.js'
import { PushClient } from './push-client.js'

const forever = new AbortController().signal
const request = { body: Buffer.from('hello'), headers: { 'content-type': 'text/plain' } }
let dir: string
const servers: Server[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-loki-'))
})

afterEach(async () => {
  rmSync(dir, { recursive: true, force: true })
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://${await listen(createServer(listener))}`
}

async function clientTo(config: object): Promise<PushClient> {
  return PushClient.create(v.parse(lokiConfig, config))
}

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

/** A key and a certificate of 127.0.0.1. */
function selfSigned(): { readonly keyPath: string; readonly certPath: string } {
  const keyPath = join(dir, 'key.pem')
  const certPath = join(dir, 'cert.pem')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const args = ['req', '-x509', ...key, '-keyout', keyPath, '-out', certPath, ...name]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { keyPath, certPath }
}

describe('PushClient', () => {
  it.each([
    ['', '/loki/api/v1/push'],
    ['/', '/loki/api/v1/push'],
    ['/gateway/', '/gateway/loki/api/v1/push'],
    ['/loki/api/v1/push', '/loki/api/v1/push'],
    ['/insert/push?debug=1', '/insert/push?debug=1'],
  ])('posts to the path of "%s": %s', async (path, expected) => {
    let seen = ''
    const url = await serve((incoming, response) => {
      seen = `${incoming.method ?? ''} ${incoming.url ?? ''}`
      response.writeHead(204).end()
    })
    const client = await clientTo({ url: `${url}${path}` })
    expect(await client.post(request, forever)).toMatchObject({ status: 204, text: '' })
    expect(seen).toBe(`POST ${expected}`)
    client.close()
  })

  it.each<[string, () => object, string]>([
    ['a user', () => ({ basic_auth: { username: 'u', password: 'p:1' } }), 'Basic dTpwOjE='],
    [
      'a password file',
      () => ({ basic_auth: { username: 'u', password_file: file('p', 'p:1\n') } }),
      'Basic dTpwOjE=',
    ],
    ['a token', () => ({ bearer_token: 'abc' }), 'Bearer abc'],
    ['a token file', () => ({ bearer_token_file: file('t', 'abc\n') }), 'Bearer abc'],
  ])('sends %s, the tenant and headers', async (_name, config, authorization) => {
    let seen: IncomingMessage['headers'] = {}
    const url = await serve((incoming, response) => {
      seen = incoming.headers
      response.writeHead(204).end()
    })
    const client = await clientTo({
      url,
      tenant: 'team-a',
      headers: { 'X-Team': 'a', 'Content-Type': 'other' },
      ...config(),
    })
    await client.post(request, forever)
    expect(seen).toMatchObject({
      authorization,
      'x-scope-orgid': 'team-a',
      'x-team': 'a',
      'content-type': 'text/plain',
      'content-length': '5',
    })
    client.close()
  })

  it('reads a token that was rotated, and keeps its connection', async () => {
    const seen: (string | number | undefined)[] = []
    const url = await serve((incoming, response) => {
      seen.push(incoming.headers.authorization, incoming.socket.remotePort)
      response.writeHead(204).end()
    })
    const client = await clientTo({ url, bearer_token_file: file('t', 'one') })
    await client.post(request, forever)
    file('t', 'two')
    await client.post(request, forever)
    expect(seen[0]).toBe('Bearer one')
    expect(seen[2]).toBe('Bearer two')
    expect(seen[1]).toBe(seen[3])
    client.close()
  })

  it('says which file it cannot read', async () => {
    const path = join(dir, 'none')
    const denied = { code: 'SINK_DENIED', message: expect.stringContaining(path) as string }
    await expect(clientTo({ url: 'http://h', bearer_token_file: path })).rejects.toMatchObject(
      denied,
    )
    await expect(clientTo({ url: 'http://h', ca_file: path })).rejects.toMatchObject(denied)
  })

  it('trusts a server by ca_file, and none without', async () => {
    const listener: RequestListener = (_incoming, response) => response.writeHead(204).end()
    const { keyPath, certPath } = selfSigned()
    const tls = { key: readFileSync(keyPath), cert: readFileSync(certPath) }
    const server = createTlsServer(tls, listener)
    const url = `https://${await listen(server)}`
    const stranger = await clientTo({ url })
    await expect(stranger.post(request, forever)).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(/self-signed certificate/) as string,
    })
    const client = await clientTo({ url, ca_file: certPath })
    expect(await client.post(request, forever)).toMatchObject({ status: 204 })
    stranger.close()
    client.close()
  })

  it('does not follow a redirect, which would carry the token elsewhere', async () => {
    let requests = 0
    const url = await serve((_incoming, response) => {
      requests += 1
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    const client = await clientTo({ url, bearer_token: 'abc' })
    expect(await client.post(request, forever)).toMatchObject({ status: 307 })
    expect(requests).toBe(1)
    client.close()
  })

  it('reads the beginning of a long answer only', async () => {
    const url = await serve((_incoming, response) => {
      response.writeHead(400).end('x'.repeat(10_000_000))
    })
    const client = await clientTo({ url })
    const { text } = await client.post(request, forever)
    expect(text.length).toBe(4096)
    client.close()
  })

  it('says where nobody listens', async () => {
    const client = await clientTo({ url: 'http://127.0.0.1:1' })
    await expect(client.post(request, forever)).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1 does not answer/) as string,
    })
  })
})
