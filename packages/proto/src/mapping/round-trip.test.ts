import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import {
  EVENT_TYPES,
  INSTANCE_STATES,
  LOG_KINDS,
  LOG_LEVELS,
  LOG_SINK_STATES,
  LOG_STREAMS,
  PLUGIN_KINDS,
  newInstanceRecord,
} from '@p2p-playground/core'
import { pieceListDigest } from '@p2p-playground/core/bundle'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { node } from '../index.js'
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

const text = fc.string({ unit: 'grapheme' })
const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
const count = fc.nat(0xffff_ffff)
const size = fc.maxSafeNat()
const digest = fc.stringMatching(/^[0-9a-f]{64}$/)
const state = fc.constantFrom(...INSTANCE_STATES)
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value)

const instance = fc.record({
  app: text,
  version: text,
  state,
  active: fc.boolean(),
  pid: maybe(count),
  reason: text,
  digest,
  ports: fc.dictionary(key, fc.nat(65_535), { noNullPrototype: true }),
  startedAtMs: maybe(size),
  healthy: maybe(fc.boolean()),
  limits: text,
  ready: fc.boolean(),
  restarts: count,
  lastFailure: text,
})

const exit = fc.oneof(
  fc.record({ kind: fc.constant('exited' as const), code: fc.nat(255) }),
  fc.record({ kind: fc.constant('signaled' as const), signal: text }),
  fc.record({ kind: fc.constant('oom' as const), limitBytes: maybe(size) }),
  fc.record({ kind: fc.constant('unknown' as const), why: text }),
)

const failure = fc.record({
  atMs: size,
  exit: maybe(exit),
  reason: text,
  starts: count,
  health: maybe(fc.record({ healthy: fc.constant(false as const), detail: text })),
  lines: fc.array(fc.record({ stream: key, line: text }), { maxLength: 3 }),
})

const event = fc.record({
  seq: size,
  timeMs: size,
  node: text,
  type: fc.constantFrom(...EVENT_TYPES),
  app: maybe(text),
  version: maybe(text),
  message: text,
  code: maybe(text),
  by: maybe(text),
})

const line = { timeMs: size, node: text, seq: size, line: text }
const named = { app: maybe(key), version: maybe(key) }
const logEntry = fc.oneof(
  fc.record(
    {
      kind: fc.constant('app' as const),
      ...line,
      app: text,
      version: text,
      instance: text,
      stream: fc.constantFrom(...LOG_STREAMS),
      cut: fc.constant(true as const),
    },
    {
      requiredKeys: [
        'kind',
        'timeMs',
        'node',
        'app',
        'version',
        'instance',
        'stream',
        'seq',
        'line',
      ],
    },
  ),
  fc.record({
    kind: fc.constant('daemon' as const),
    ...line,
    ...named,
    level: fc.constantFrom(...LOG_LEVELS),
    event: text,
    fields: fc.dictionary(key, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null))),
  }),
  fc.record({
    kind: fc.constant('event' as const),
    ...line,
    ...named,
    type: fc.constantFrom(...EVENT_TYPES),
    code: maybe(text),
    by: maybe(text),
  }),
)

const usage = fc.record({
  cpuMs: fc.double({ min: 0, noNaN: true }),
  memoryBytes: size,
  processes: count,
})

const amount = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })

const figure = fc.record({
  current: maybe(amount),
  average: maybe(amount),
  peak: maybe(amount),
  samples: fc.array(maybe(amount), { maxLength: 3 }),
})

const sampled = {
  sampledAtMs: fc.array(size, { maxLength: 3 }),
  cpuCores: figure,
  memoryBytes: figure,
  diskBytes: figure,
  networkInBytesPerSecond: figure,
  networkOutBytesPerSecond: figure,
}

const nodeUsage = fc.record(sampled)

const instanceUsage = fc.record({ ...sampled, processes: figure })

const enforcement = fc.oneof(
  fc.record({ enforced: fc.constant(true as const), by: text }),
  fc.record({ enforced: fc.constant(false as const), why: text }),
)

const nodeInfo = fc.record({
  peerId: text,
  name: text,
  labels: fc.dictionary(key, text, { noNullPrototype: true }),
  version: text,
  platform: text,
  startedAtMs: size,
  addresses: fc.array(text),
  runtimes: fc.dictionary(
    key,
    fc.record(
      {
        cpu: enforcement,
        memory: enforcement,
        pids: enforcement,
        sandbox: enforcement,
        user: enforcement,
        network: enforcement,
      },
      { requiredKeys: ['cpu', 'memory', 'pids', 'sandbox', 'user'] },
    ),
    { noNullPrototype: true },
  ),
  healthCheckers: fc.array(text),
  plugins: fc.array(
    fc.record({
      package: text,
      version: text,
      kind: fc.constantFrom(...PLUGIN_KINDS),
      name: text,
    }),
  ),
  apps: count,
  maxApps: count,
  resources: fc.record({
    cpus: count,
    memoryTotalBytes: size,
    memoryFreeBytes: size,
    diskTotalBytes: size,
    diskFreeBytes: size,
    load1: fc.double({ min: 0, noNaN: true }),
  }),
  usage: maybe(nodeUsage),
  logSinks: fc.array(
    fc.record({
      name: key,
      kinds: fc.subarray([...LOG_KINDS]),
      state: fc.constantFrom(...LOG_SINK_STATES),
      sinceMs: maybe(size),
      reason: maybe(text),
      nextTryMs: maybe(size),
      lagLines: size,
      oldestMs: maybe(size),
      shippedLines: size,
      shippedBytes: size,
      retries: size,
      deadLines: size,
      lostLines: size,
    }),
  ),
})

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

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
