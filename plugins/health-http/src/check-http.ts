import type { IncomingMessage } from 'node:http'
import { errorMessage } from '@p2p-playground/core'
import type { HealthResult, HealthTarget } from '@p2p-playground/core'
import * as v from 'valibot'

/** An `import` would load `WebSocket` and `fetch` with it, for 1 MB in every daemon. */
const { request } = process.getBuiltinModule('node:http')

const RANGE = /^(\d{3})(?:-(\d{3}))?$/
const MAX_BODY_BYTES = 64 * 1024
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** The keys of `health_check` that belong to `type: http`. */
export const httpSpec = v.strictObject({
  endpoint: v.pipe(
    v.string(),
    v.check(
      (text) => text.startsWith('/') || text.startsWith('http://'),
      'must be a path or an http:// URL',
    ),
    v.description('A path (/health) on a port of the app, or an http:// URL on this machine.'),
  ),
  port: v.optional(
    v.pipe(v.string(), v.description('Name of the port, when the app has several.')),
  ),
  method: v.optional(v.picklist(['GET', 'HEAD', 'POST']), 'GET'),
  status: v.optional(
    v.pipe(
      v.array(
        v.union([
          v.pipe(v.number(), v.integer()),
          v.pipe(v.string(), v.regex(RANGE, 'must be like 200 or 200-399')),
        ]),
      ),
      v.description('Statuses that are healthy.'),
    ),
    ['200-399'],
  ),
  headers: v.optional(v.record(v.string(), v.string()), {}),
  expect_body: v.optional(v.pipe(v.string(), v.description('Text that the body must contain.'))),
  allow_redirects: v.optional(v.boolean(), false),
  allow_hosts: v.optional(
    v.pipe(v.array(v.string()), v.description('Hosts beside the loopback.')),
    [],
  ),
})

export type HttpSpec = v.InferOutput<typeof httpSpec>

/** Asks once. Only this machine is asked, and redirects are no success, unless the spec says otherwise. */
export async function checkHttp(
  target: HealthTarget<HttpSpec>,
  signal: AbortSignal,
): Promise<HealthResult> {
  const url = urlOf(target)
  if (typeof url === 'string') return { healthy: false, detail: url }
  try {
    return await ask(url, target.spec, signal)
  } catch (error) {
    return {
      healthy: false,
      detail: signal.aborted
        ? `${url.href}: no answer in time`
        : `${url.href}: ${errorMessage(error)}`,
    }
  }
}

/** The URL, or why there is none. */
function urlOf({ spec, ports }: HealthTarget<HttpSpec>): URL | string {
  if (spec.endpoint.startsWith('/')) {
    const names = Object.keys(ports)
    const name = spec.port ?? (names.length === 1 ? names[0] : undefined)
    const port = name === undefined ? undefined : ports[name]
    if (port === undefined) {
      return spec.port === undefined
        ? 'the manifest has not exactly one port: name one with "port", or give a whole URL'
        : `the manifest has no port "${spec.port}"`
    }
    return new URL(`http://127.0.0.1:${String(port)}${spec.endpoint}`)
  }
  if (!URL.canParse(spec.endpoint)) return `"${spec.endpoint}" is no URL`
  const url = new URL(spec.endpoint)
  if (LOOPBACK.test(url.hostname) || spec.allow_hosts.includes(url.hostname)) return url
  return `"${url.hostname}" is not this machine; name it in allow_hosts if that is meant`
}

async function ask(url: URL, spec: HttpSpec, signal: AbortSignal): Promise<HealthResult> {
  const response = await send(url, spec, signal)
  const status = response.statusCode ?? 0
  const isRedirect = status >= 300 && status < 400 && response.headers.location !== undefined
  if (isRedirect && !spec.allow_redirects) {
    response.destroy()
    return {
      healthy: false,
      detail: `${url.href}: redirect to ${response.headers.location ?? ''} (set allow_redirects)`,
    }
  }
  if (!spec.status.some((range) => inRange(status, range))) {
    response.destroy()
    return { healthy: false, detail: `${url.href}: status ${String(status)}` }
  }
  if (spec.expect_body === undefined) {
    response.destroy()
    return { healthy: true, detail: `status ${String(status)}` }
  }
  const body = await readBody(response)
  return body.includes(spec.expect_body)
    ? { healthy: true, detail: `status ${String(status)}` }
    : { healthy: false, detail: `${url.href}: the body lacks "${spec.expect_body}"` }
}

async function send(url: URL, spec: HttpSpec, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const call = request(url, { method: spec.method, headers: spec.headers, agent: false, signal })
  call.once('response', resolve)
  call.once('error', reject)
  call.end()
  return promise
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    if (size >= MAX_BODY_BYTES) break
  }
  return Buffer.concat(parts).toString('utf8')
}

function inRange(status: number, range: number | string): boolean {
  if (typeof range === 'number') return status === range
  const match = RANGE.exec(range)
  const from = Number(match?.[1])
  return status >= from && status <= Number(match?.[2] ?? from)
}
