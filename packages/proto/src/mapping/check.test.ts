import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { node } from '../index.js'
import { deployProgressFromProto } from './deploy.js'
import { eventFromProto } from './event.js'
import { descriptionFromProto, instanceFromProto, versionFromProto } from './instance.js'
import { logEntryFromProto } from './log-entry.js'
import { nodeInfoFromProto, offerFromProto } from './node.js'

const HUGE = 2n ** 60n
const WELL = {
  instance: create(node.InstanceSchema, { state: 'running' }),
  event: create(node.EventSchema, { type: 'started' }),
  entry: create(node.LogEntrySchema, { stream: 'stdout' }),
}

describe('what a node sends is checked', () => {
  it.each([
    ['an unknown state', () => instanceFromProto({ ...WELL.instance, state: 'flying' }), /flying/],
    [
      'a start beyond 2^53',
      () => instanceFromProto({ ...WELL.instance, startedAtMs: HUGE }),
      /range/,
    ],
    ['an unknown event', () => eventFromProto({ ...WELL.event, type: 'party' }), /party/],
    ['an event seq beyond 2^53', () => eventFromProto({ ...WELL.event, seq: HUGE }), /range/],
    ['an unknown stream', () => logEntryFromProto({ ...WELL.entry, stream: 'stdin' }), /stdin/],
    ['a log time beyond 2^53', () => logEntryFromProto({ ...WELL.entry, timeMs: -HUGE }), /range/],
    ['no node in the answer', () => nodeInfoFromProto(undefined), /nothing of itself/],
    ['a node without resources', () => nodeInfoFromProto(create(node.NodeInfoSchema)), /nothing/],
    [
      'a description of nothing',
      () => descriptionFromProto(create(node.DescriptionSchema), { node: '', peerId: '' }),
      /described nothing/,
    ],
    [
      'a version in an unknown state',
      () => versionFromProto(create(node.VersionSchema, { state: 'new' }), 'web-1'),
      /new/,
    ],
    [
      'an unknown phase',
      () => deployProgressFromProto(create(node.DeployResponseSchema, { phase: 'nap' })),
      /nap/,
    ],
  ])('%s is refused with INTERNAL', (_name, read, message) => {
    expect(read).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    expect(read).toThrow(message)
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
      process: { cpu: unknown, memory: unknown, pids: unknown, sandbox: unknown },
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
