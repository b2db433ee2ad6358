import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import type { Passage } from '../harness/http-proxy.js'
import { batchOf, forever, machines, nextPrefix, storeOfFile } from './logs-s3.test.support.js'

const s3 = storeOfFile('what S3 refuses')
const { sinkOf, stored, withProxy } = s3

describe.skipIf(s3.why !== undefined)('logs in S3', () => {
  describe('refused by the store:', () => {
    const keysOf = (id: string, secret: string): object => ({
      credentials: { access_key_id: id, secret_access_key: secret },
    })
    test.each<[string, () => object, string, string]>([
      [
        'a wrong secret',
        () => keysOf(s3.server.owner.accessKeyId, 'wrong'),
        'SINK_DENIED',
        'SignatureDoesNotMatch',
      ],
      ['an unknown key', () => keysOf('AKIANOBODY', 'x'), 'SINK_DENIED', 'InvalidAccessKeyId'],
      [
        'somebody who may not',
        () => keysOf(s3.server.stranger.accessKeyId, s3.server.stranger.secretAccessKey),
        'SINK_DENIED',
        'AccessDenied',
      ],
      ['a bucket that is missing', () => ({ bucket: 'nowhere' }), 'SINK_DENIED', 'NoSuchBucket'],
    ])('%s', async (_name, patch, code, reason) => {
      const sink = await sinkOf(patch())
      await expect(sink.write(batchOf(['a']), forever)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(reason) as string,
      })
    })

    test('a body that was changed on the way; the next try is stored', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a'])
      let isBad = true
      const spoil = (request: IncomingMessage, body: Buffer): Passage => {
        if (isBad && request.method === 'PUT') body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
        return { body }
      }
      await withProxy(spoil, async (endpoint) => {
        const sink = await sinkOf({ prefix, endpoint })
        await expect(sink.write(batch, forever)).rejects.toMatchObject({
          code: 'SINK_UNAVAILABLE',
          message: expect.stringContaining('XAmzContentSHA256Mismatch') as string,
        })
        expect(await s3.bucket.keys(prefix)).toEqual([])
        isBad = false
        await sink.write(batch, forever)
        await sink.close?.()
      })
      expect(await stored(prefix)).toEqual(batch.entries)
    })

    test('a clock that is an hour late; the next try is stored', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a'])
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
      const sink = await sinkOf({ prefix })
      await expect(sink.write(batch, forever)).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        message: expect.stringContaining('RequestTimeTooSkewed') as string,
      })
      await sink.write(batch, forever)
      vi.useRealTimers()
      expect(await stored(prefix)).toEqual(batch.entries)
    })
  })

  describe('credentials', () => {
    test('come from the environment', async () => {
      const prefix = nextPrefix()
      vi.stubEnv('AWS_ACCESS_KEY_ID', s3.server.owner.accessKeyId)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.server.owner.secretAccessKey)
      await (await sinkOf({ prefix, credentials: undefined })).write(batchOf(['a']), forever)
      expect(await stored(prefix)).toHaveLength(1)
    })

    test('come from a profile', async () => {
      const prefix = nextPrefix()
      const { accessKeyId, secretAccessKey } = s3.server.owner
      const file = machines.path('aws-credentials')
      const keys = `aws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}`
      writeFileSync(file, `[shipper]\n${keys}\n`)
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
      vi.stubEnv('AWS_PROFILE', 'shipper')
      await (await sinkOf({ prefix, credentials: undefined })).write(batchOf(['a']), forever)
      expect(await stored(prefix)).toHaveLength(1)
    })

    test('are found nowhere', async () => {
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', machines.path('none'))
      const sink = await sinkOf({ credentials: undefined })
      await expect(sink.write(batchOf(['a']), forever)).rejects.toMatchObject({
        code: 'SINK_DENIED',
        message: expect.stringContaining('credentials') as string,
      })
    })
  })
})
