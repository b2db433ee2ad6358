import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { HttpSink } from './http-sink.js'

/** What daemon.yaml may say under `config`. */
const config = v.strictObject({
  url: v.pipe(
    v.string(),
    v.check((text) => /^https?:$/.test(protocolOf(text)), 'must be a URL of http or https'),
    v.description('Where batches are posted.'),
  ),
  token: v.optional(
    v.pipe(v.string(), v.minLength(1), v.description('Sent as "Authorization: Bearer …".')),
  ),
})

export default definePlugin({
  kind: 'log-sink',
  name: 'http',
  api: '1.0',
  config,
  create: ({ config: { url, token }, clock }) => new HttpSink({ url, token, clock }),
})

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : ''
}
