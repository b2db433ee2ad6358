import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { s3Config } from './config.js'

describe('the configuration', () => {
  it('needs a bucket and has defaults for all else', () => {
    expect(v.parse(s3Config, { bucket: 'logs' })).toEqual({
      bucket: 'logs',
      prefix: 'p2p-playground',
      flush_interval: 30_000,
      checksums: 'when-supported',
      if_none_match: true,
    })
  })

  it('takes everything', () => {
    const config = {
      bucket: 'arn:aws:s3:eu-central-1:123456789012:accesspoint/logs',
      prefix: '/team/logs/',
      region: 'eu-central-1',
      endpoint: 'https://s3.example.org:9000',
      force_path_style: false,
      credentials: { access_key_id: 'a', secret_access_key: 'b', session_token: 'c' },
      checksums: 'when-required',
      if_none_match: false,
      storage_class: 'STANDARD_IA',
      server_side_encryption: 'aws:kms',
      kms_key_id: 'key',
    }
    expect(v.parse(s3Config, { ...config, flush_interval: '5m' })).toEqual({
      ...config,
      prefix: 'team/logs',
      flush_interval: 300_000,
    })
  })

  it.each([
    [{}, 'bucket', /bucket/],
    [{ bucket: '' }, 'bucket', /empty/],
    [{ bucket: 'a/b' }, 'bucket', /bucket name/],
    [{ bucket: 'b', prefix: 'a b' }, 'prefix', /letters/],
    [{ bucket: 'b', prefix: 'x'.repeat(257) }, 'prefix', /longer/],
    [{ bucket: 'b', endpoint: 's3.example.org' }, 'endpoint', /URL/],
    [{ bucket: 'b', endpoint: 'http://me:pw@s3.example.org' }, 'endpoint', /without a password/],
    [{ bucket: 'b', flush_interval: 'soon' }, 'flush_interval', /soon/],
    [{ bucket: 'b', flush_interval: '2h' }, 'flush_interval', /1h/],
    [{ bucket: 'b', checksums: 'never' }, 'checksums', /when-/],
    [{ bucket: 'b', kms_key_id: 'k' }, 'kms_key_id', /aws:kms/],
    [{ bucket: 'b', forcePathStyle: true }, 'forcePathStyle', /forcePathStyle/],
    [
      { bucket: 'b', credentials: { access_key_id: 'a' } },
      'credentials.secret_access_key',
      /secret_access_key/,
    ],
  ])('refuses %j', (config, path, message) => {
    const { issues } = v.safeParse(s3Config, config)
    expect(issues?.[0]).toMatchObject({ message: expect.stringMatching(message) as string })
    expect(issues?.[0] && v.getDotPath(issues[0])).toBe(path)
  })

  it('does not repeat a secret that is no text', () => {
    const credentials = { access_key_id: 'a', secret_access_key: 123456 }
    const { issues } = v.safeParse(s3Config, { bucket: 'b', credentials })
    expect(issues?.map(({ message }) => message)).toEqual(['must be text'])
  })
})
