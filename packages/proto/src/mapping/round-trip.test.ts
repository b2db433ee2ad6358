import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { DEPLOY_PHASES, newInstanceRecord } from '@p2p-playground/core'
import { pieceListDigest } from '@p2p-playground/core/bundle'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { node } from '../index.js'
import {
  bytes,
  count,
  digest,
  event,
  failure,
  instance,
  instanceUsage,
  logEntry,
  maybe,
  nodeInfo,
  size,
  state,
  text,
  usage,
} from './arbitrary-models.test.support.js'
import { deployProgressFromProto, deployProgressToProto } from './deploy.js'
import { eventFromProto, eventToProto } from './event.js'
import {
  descriptionFromProto,
  descriptionToProto,
  instanceFromProto,
  instanceToProto,
  versionFromProto,
  versionToProto,
} from './instance.js'
import { logEntryFromProto, logEntryToProto } from './log-entry.js'
import { heartbeatFromProto, heartbeatToProto } from './heartbeat.js'
import { nodeInfoFromProto, nodeInfoToProto, offerFromProto, offerToProto } from './node.js'

/** What arrives when `message` is sent. */
function overTheWire<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  return fromBinary(schema, toBinary(schema, message))
}

describe('models survive the wire', () => {
  it('an instance', () => {
    fc.assert(
      fc.property(instance, (one) => {
        const arrived = overTheWire(node.InstanceSchema, instanceToProto(one))
        expect(instanceFromProto(arrived)).toEqual(one)
      }),
    )
  })

  it('how a deployment stands', () => {
    const phase = fc.constantFrom(...DEPLOY_PHASES)
    const counts = [size, size, size, size] as const
    fc.assert(
      fc.property(phase, fc.tuple(...counts), text, maybe(instance), (of, sizes, path, one) => {
        const [doneBytes, totalBytes, reusedBytes, copiedBytes] = sizes
        const saved = { phase: of, doneBytes, reusedBytes, copiedBytes }
        const sent = { ...saved, totalBytes, storedPath: path, instance: one ?? null }
        const arrived = overTheWire(node.DeployResponseSchema, deployProgressToProto(sent))
        expect(deployProgressFromProto(arrived)).toEqual({ ...saved, state: one?.state ?? null })
        expect(arrived).toMatchObject({ totalBytes: BigInt(totalBytes), storedPath: path })
      }),
    )
  })

  it('an event', () => {
    fc.assert(
      fc.property(event, (one) => {
        expect(eventFromProto(overTheWire(node.EventSchema, eventToProto(one)))).toEqual(one)
      }),
    )
  })

  it('a log entry', () => {
    fc.assert(
      fc.property(logEntry, (one) => {
        const arrived = overTheWire(node.LogEntrySchema, logEntryToProto(one))
        expect(logEntryFromProto(arrived)).toEqual(one)
      }),
    )
  })

  it('a node', () => {
    fc.assert(
      fc.property(nodeInfo, (one) => {
        const arrived = overTheWire(node.NodeInfoSchema, nodeInfoToProto(one))
        expect(nodeInfoFromProto(arrived)).toEqual(one)
      }),
    )
  })

  it('a heartbeat', () => {
    const heartbeat = fc.record({ node: nodeInfo, instances: fc.array(instance, { maxLength: 3 }) })
    fc.assert(
      fc.property(heartbeat, (one) => {
        const arrived = overTheWire(node.StreamHeartbeatsResponseSchema, heartbeatToProto(one))
        expect(heartbeatFromProto(arrived)).toEqual(one)
      }),
    )
  })

  it('a description, with the node that it came from', () => {
    const description = fc.tuple(
      instance,
      fc.record({
        manifest: text,
        signedBy: text,
        dir: text,
        usage: maybe(usage),
        lastHour: maybe(instanceUsage),
        lastExit: text,
        events: fc.array(event, { maxLength: 3 }),
        tags: fc.array(text, { maxLength: 3 }),
        failures: fc.array(failure, { maxLength: 2 }),
        droppedLogLines: size,
      }),
    )
    fc.assert(
      fc.property(description, ([status, rest]) => {
        const { app, version } = status
        const failures = rest.failures.map((one) => ({ app, version, ...one }))
        const described = { ...status, ...rest, failures }
        const message = descriptionToProto(described)
        const from = { node: 'web-1', peerId: 'peer' }
        expect(descriptionFromProto(overTheWire(node.DescriptionSchema, message), from)).toEqual({
          ...described,
          ...from,
        })
      }),
    )
  })

  it('a version, with the node that keeps it', () => {
    const row = fc.record({
      app: text,
      version: text,
      digest,
      sizeBytes: size,
      receivedAtMs: size,
      active: fc.boolean(),
      state,
      tags: fc.array(text, { maxLength: 3 }),
      note: text,
    })
    fc.assert(
      fc.property(row, (one) => {
        const message = versionToProto({ ...newInstanceRecord(one, one.digest), ...one }, one)
        const arrived = overTheWire(node.VersionSchema, message)
        expect(versionFromProto(arrived, 'web-1')).toEqual({ ...one, node: 'web-1' })
      }),
    )
  })

  it('an offer, whose list gets its digest from what arrived', () => {
    const offer = fc.record({
      app: text,
      version: text,
      digest,
      sizeBytes: size,
      pieces: fc.array(fc.record({ sizeBytes: count, digest: bytes(32) }), { maxLength: 5 }),
    })
    fc.assert(
      fc.property(offer, ({ app, version, digest: hex, sizeBytes, pieces }) => {
        const id = { app, version, digest: hex }
        const list = { digest: pieceListDigest(pieces), sizeBytes, pieces }
        const sent = offerToProto({ id, list: { ...list, digest: new Uint8Array(32) } })
        const arrived = offerFromProto(overTheWire(node.OfferSchema, sent))
        expect(arrived.id).toEqual(id)
        expect(arrived.list.sizeBytes).toBe(sizeBytes)
        expect(Buffer.from(arrived.list.digest)).toEqual(Buffer.from(list.digest))
        expect(arrived.list.pieces.map((piece) => [piece.sizeBytes, [...piece.digest]])).toEqual(
          pieces.map((piece) => [piece.sizeBytes, [...piece.digest]]),
        )
      }),
    )
  })
})
