import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { node } from '../index.js'
import { deployProgressFromProto } from './deploy.js'
import { eventFromProto } from './event.js'
import { descriptionFromProto, instanceFromProto, versionFromProto } from './instance.js'
import { logEntryFromProto, logSourceOfProto } from './log-entry.js'
import { logSinkFromProto } from './log-sink.js'
import { nodeInfoFromProto, offerFromProto } from './node.js'

const HUGE = 2n ** 60n
const WELL = {
  instance: create(node.InstanceSchema, { state: 'running' }),
  event: create(node.EventSchema, { type: 'started' }),
  entry: create(node.LogEntrySchema, { stream: 'stdout' }),
}

describe('what a node sends is checked', () => {
  it.each([
    [
      'a start beyond 2^53',
      () => instanceFromProto({ ...WELL.instance, startedAtMs: HUGE }),
      /range/,
    ],
    ['an event seq beyond 2^53', () => eventFromProto({ ...WELL.event, seq: HUGE }), /range/],
    ['a log time beyond 2^53', () => logEntryFromProto({ ...WELL.entry, timeMs: -HUGE }), /range/],
    ['no node in the answer', () => nodeInfoFromProto(undefined), /nothing of itself/],
    ['a node without resources', () => nodeInfoFromProto(create(node.NodeInfoSchema)), /nothing/],
    [
      'a description of nothing',
      () => descriptionFromProto(create(node.DescriptionSchema), { node: '', peerId: '' }),
      /described nothing/,
    ],
  ])('%s is refused with INTERNAL', (_name, read, message) => {
    expect(read).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    expect(read).toThrow(message)
  })

  it.each([
    [
      'the state of an instance',
      () => instanceFromProto({ ...WELL.instance, state: 'flying' }).state,
    ],
    [
      'the state of a version',
      () => versionFromProto(create(node.VersionSchema, { state: 'new' }), 'web-1').state,
    ],
    [
      'the phase of a deployment',
      () => deployProgressFromProto(create(node.DeployResponseSchema, { phase: 'nap' })).phase,
    ],
    [
      'the state of a log sink',
      () => logSinkFromProto(create(node.LogSinkSchema, { state: 'asleep' })).state,
    ],
    [
      'what a log sink gets',
      () => logSinkFromProto(create(node.LogSinkSchema, { kinds: ['trace'] })).kinds[0],
    ],
    ['an event', () => eventFromProto({ ...WELL.event, type: 'party' }).type],
    ['a stream', () => logEntryFromProto({ ...WELL.entry, stream: 'stdin' })],
    ['a level', () => logEntryFromProto({ ...WELL.entry, kind: 'daemon', level: 'fatal' })],
    [
      'the event of a line',
      () => logEntryFromProto({ ...WELL.entry, kind: 'event', event: 'party' }),
    ],
  ])('%s that only a later version knows is unknown, and the rest is told', (_name, read) => {
    const told = read()
    if (typeof told === 'string') expect(told).toBe('unknown')
    else expect(Object.values(told ?? {})).toContain('unknown')
  })

  it('a line of a kind that only a later version knows is shown, and numbered as its own', () => {
    const message = create(node.LogEntrySchema, {
      ...{ kind: 'trace', node: 'web-1', app: 'web', version: '1.0.0', seq: 7n, line: 'GET /' },
      event: 'request',
    })
    expect(logEntryFromProto(message)).toMatchObject({
      ...{ node: 'web-1', app: 'web', version: '1.0.0', seq: 7, line: 'GET /' },
      ...{ level: 'unknown', event: 'request' },
    })
    expect(logSourceOfProto(message)).toBe('trace')
  })

  it.each([
    ['no offer', undefined],
    ['an offer without a package', create(node.OfferSchema)],
    ['a short digest', create(node.OfferSchema, { packageDigest: new Uint8Array(31) })],
  ])('%s is refused with TRANSFER_OFFER', (_name, message) => {
    expect(() => offerFromProto(message)).toThrow(
      expect.objectContaining({ code: 'TRANSFER_OFFER' }),
    )
  })

  it('a runtime that says nothing of a limit enforces none', () => {
    const message = create(node.NodeInfoSchema, { resources: {}, runtimes: { process: {} } })
    const unknown = { enforced: false, why: 'unknown' }
    expect(nodeInfoFromProto(message).runtimes).toEqual({
      process: { cpu: unknown, memory: unknown, pids: unknown, sandbox: unknown, user: unknown },
    })
  })

  it('reads how a deployment stands', () => {
    const message = create(node.DeployResponseSchema, {
      phase: 'start',
      doneBytes: 7n,
      reusedBytes: 3n,
      copiedBytes: 2n,
      instance: { state: 'running' },
    })
    const progress = { phase: 'start', doneBytes: 7, reusedBytes: 3, copiedBytes: 2 }
    expect(deployProgressFromProto(message)).toEqual({ ...progress, state: 'running' })
    expect(deployProgressFromProto({ ...message, instance: undefined })).toEqual({
      ...progress,
      state: null,
    })
  })
})
