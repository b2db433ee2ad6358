import type { LogEntry } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { isObjectKey, objectKey } from './object-key.js'

const DIGEST = 'ab12'.repeat(16)
const TIME_MS = Date.UTC(2026, 2, 1, 0, 30)

function appLine(patch: object = {}): LogEntry {
  return {
    ...{ kind: 'app', timeMs: TIME_MS, node: 'n1', app: 'hello', version: '1.0.0' },
    ...{ instance: '0a1b', stream: 'stdout', seq: 7, line: 'x', ...patch },
  }
}

const shared = { timeMs: TIME_MS, node: 'n1', app: null, version: null, seq: 3, line: 'x' }
const daemonLine: LogEntry = { ...shared, kind: 'daemon', level: 'info', event: 'e', fields: {} }
const eventLine: LogEntry = { ...shared, kind: 'event', type: 'started', code: null, by: null }

describe('objectKey', () => {
  it.each<[string, LogEntry[], string]>([
    [
      'lines of an app',
      [appLine(), appLine({ seq: 12, timeMs: TIME_MS + 3_600_000 })],
      'logs/app/app=hello/node=n1/date=2026-03-01/hour=00/1.0.0.0a1b.000000000007-000000000012.ab12ab12ab12.ndjson.gz',
    ],
    [
      'lines of a daemon',
      [daemonLine],
      'logs/daemon/node=n1/date=2026-03-01/hour=00/daemon.000000000003-000000000003.ab12ab12ab12.ndjson.gz',
    ],
    [
      'events',
      [eventLine],
      'logs/event/node=n1/date=2026-03-01/hour=00/event.000000000003-000000000003.ab12ab12ab12.ndjson.gz',
    ],
  ])('has a place for %s', (_name, entries, key) => {
    expect(objectKey('logs', entries, DIGEST)).toBe(key)
    expect(isObjectKey('logs', key)).toBe(true)
  })

  it.each([
    ['../../etc', '..%2F..%2Fetc'],
    ['a=b c', 'a%3Db%20c'],
    ['höst', 'h%C3%B6st'],
    ['🙂', '%F0%9F%99%82'],
    ['nul\0', 'nul%00'],
    ['50%', '50%25'],
  ])('keeps the node "%s" to its own part', (node, part) => {
    const key = objectKey('', [appLine({ node })], DIGEST)
    expect(key).toContain(`/node=${part}/date=`)
    expect(key.split('/')).toHaveLength(6)
    expect(isObjectKey('', key)).toBe(true)
    expect(decodeURIComponent(part)).toBe(node)
  })

  it('stays within what S3 takes, and tells long names apart', () => {
    const keyOf = (end: string): string => {
      const name = `${'🙂'.repeat(100)}${end}`
      const long = { node: name, app: name, version: `1.0.0+${'x'.repeat(500)}` }
      return objectKey('p'.repeat(256), [appLine(long)], DIGEST)
    }
    expect(Buffer.byteLength(keyOf('a'))).toBeLessThanOrEqual(1024)
    expect(keyOf('a')).not.toBe(keyOf('b'))
    expect(isObjectKey('p'.repeat(256), keyOf('a'))).toBe(true)
  })

  it('sorts by number within a partition', () => {
    const keys = [9, 10, 1_000_000].map((seq) => objectKey('', [appLine({ seq })], DIGEST))
    expect(keys.toSorted()).toEqual(keys)
  })

  it.each([
    'logs/app/app=a/node=n/date=2026-03-01/hour=00/backup.tar.gz',
    'logs/other.ndjson.gz',
    'app/app=hello/node=n1/date=2026-03-01/hour=00/1.0.0.i.000000000007-000000000012.ab12ab12ab12.ndjson.gz',
  ])('does not take %s below "logs" for its own', (key) => {
    expect(isObjectKey('logs', key)).toBe(false)
  })
})
