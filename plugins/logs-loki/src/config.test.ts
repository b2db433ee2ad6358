import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { lokiConfig } from './config.js'

const url = 'http://loki:3100'
const nine = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`l${String(index)}`, 'x']))

describe('the config of loki', () => {
  it('needs a URL only', () => {
    expect(v.parse(lokiConfig, { url })).toEqual({
      url,
      headers: {},
      labels: {},
      encoding: 'protobuf',
      metadata: 'structured',
      max_line_size: 262_144,
      max_request_size: 3_145_728,
    })
  })

  it.each([
    [{ url: 'https://logs.example.com/loki/api/v1/push', tenant: 'team-a' }],
    [{ url, basic_auth: { username: 'u', password: 'p' } }],
    [{ url, bearer_token_file: '/run/token', ca_file: '/etc/ca.pem' }],
    [{ url, labels: { cluster: 'lab' }, headers: { 'X-Team': 'a' } }],
    [{ url, max_line_size: '64Ki', max_request_size: 1_000_000 }],
  ])('takes %j', (config) => {
    expect(v.safeParse(lokiConfig, config).success).toBe(true)
  })

  it.each<[object, RegExp]>([
    [{}, /Expected "url"/],
    [{ url: 'loki:3100' }, /must be an http/],
    [{ url: 'ftp://loki' }, /must be an http/],
    [{ url: 'http://u:p@loki' }, /basic_auth/],
    [{ url, Tenant: 'x' }, /Tenant/],
    [{ url, tenant: 'a\nb' }, /printable ASCII/],
    [{ url, headers: { 'a b': 'c' } }, /header name/],
    [{ url, basic_auth: { username: 'u' } }, /either password or password_file/],
    [
      { url, basic_auth: { username: 'u', password: 'p', password_file: '/p' } },
      /either password or password_file/,
    ],
    [{ url, bearer_token: 'a', bearer_token_file: '/b' }, /only one of/],
    [{ url, bearer_token_file: 'token' }, /absolute path/],
    [{ url, labels: { 'a-b': 'c' } }, /must be a label name/],
    [{ url, labels: { __a: 'c' } }, /must not begin with __/],
    [{ url, labels: { app: 'c' } }, /is a label of ours/],
    [{ url, labels: { a: '' } }, /length/],
    [{ url, labels: nine }, /must be at most 8/],
    [{ url, encoding: 'xml' }, /protobuf/],
    [{ url, metadata: 'labels' }, /structured/],
    [{ url, max_line_size: '1Ki' }, /at least 65536 bytes/],
    [{ url, max_line_size: 'big' }, /is not a size/],
  ])('refuses %j', (config, message) => {
    const { issues = [] } = v.safeParse(lokiConfig, config)
    expect(issues.map((issue) => issue.message).join('\n')).toMatch(message)
  })
})
