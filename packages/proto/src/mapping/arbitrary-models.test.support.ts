import {
  EVENT_TYPES,
  INSTANCE_STATES,
  LOG_KINDS,
  LOG_LEVELS,
  LOG_SINK_STATES,
  LOG_STREAMS,
  PLUGIN_KINDS,
} from '@p2p-playground/core'
import fc from 'fast-check'

/** Any model that crosses the wire, and the parts that they have in common. */

export const text = fc.string({ unit: 'grapheme' })
const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
export const count = fc.nat(0xffff_ffff)
export const size = fc.maxSafeNat()
export const digest = fc.stringMatching(/^[0-9a-f]{64}$/)
export const state = fc.constantFrom(...INSTANCE_STATES)
export const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.option(value)

export const instance = fc.record({
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

export const failure = fc.record({
  atMs: size,
  exit: maybe(exit),
  reason: text,
  starts: count,
  health: maybe(fc.record({ healthy: fc.constant(false as const), detail: text })),
  lines: fc.array(fc.record({ stream: key, line: text }), { maxLength: 3 }),
})

export const event = fc.record({
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
export const logEntry = fc.oneof(
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

export const usage = fc.record({
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

export const instanceUsage = fc.record({ ...sampled, processes: figure })

const enforcement = fc.oneof(
  fc.record({ enforced: fc.constant(true as const), by: text }),
  fc.record({ enforced: fc.constant(false as const), why: text }),
)

export const nodeInfo = fc.record({
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

export const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
