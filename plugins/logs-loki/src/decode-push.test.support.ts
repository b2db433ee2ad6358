import protobuf from 'protobufjs'
import { uncompressSync } from 'snappy'

/** What a push carries, read by other means than those that wrote it. */
export interface ReceivedEntry {
  /** Nanoseconds since the epoch. */
  readonly time: bigint
  readonly line: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface ReceivedStream {
  readonly labels: Readonly<Record<string, string>>
  readonly entries: readonly ReceivedEntry[]
}

/** As pkg/push/push.proto of Loki; texts as bytes, so that they can be checked to be UTF-8. */
const PUSH_REQUEST = protobuf
  .parse(
    `syntax = "proto3";
    message Timestamp { int64 seconds = 1; int32 nanos = 2; }
    message Pair { bytes name = 1; bytes value = 2; }
    message Entry { Timestamp timestamp = 1; bytes line = 2; repeated Pair metadata = 3; }
    message Stream { bytes labels = 1; repeated Entry entries = 2; }
    message PushRequest { repeated Stream streams = 1; }`,
  )
  .root.lookupType('PushRequest')

interface WireRequest {
  readonly streams: readonly {
    readonly labels: Uint8Array
    readonly entries: readonly {
      readonly timestamp: { readonly seconds: string; readonly nanos: number }
      readonly line: Uint8Array
      readonly metadata: readonly { readonly name: Uint8Array; readonly value: Uint8Array }[]
    }[]
  }[]
}

interface JsonRequest {
  readonly streams: readonly {
    readonly stream: Readonly<Record<string, string>>
    readonly values: readonly (readonly [string, string, Readonly<Record<string, string>>?])[]
  }[]
}

const PAIR = /\s*([^\s=,{}]+)\s*=\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)/y

/** @throws for what is not the body of a push */
export function decodePush(contentType: string, body: Buffer): ReceivedStream[] {
  if (contentType === 'application/json') {
    const { streams } = JSON.parse(utf8(body)) as JsonRequest
    return streams.map(({ stream, values }) => ({
      labels: stream,
      entries: values.map(([time, line, metadata = {}]) => ({
        time: BigInt(time),
        line,
        metadata,
      })),
    }))
  }
  if (contentType !== 'application/x-protobuf') throw new Error(`Content-Type ${contentType}`)
  const plain = uncompressSync(body) as Buffer
  const request = PUSH_REQUEST.toObject(PUSH_REQUEST.decode(plain), {
    longs: String,
    defaults: true,
  }) as WireRequest
  return request.streams.map(({ labels, entries }) => ({
    labels: parseLabels(utf8(labels)),
    entries: entries.map(({ timestamp, line, metadata }) => ({
      time: BigInt(timestamp.seconds) * 1_000_000_000n + BigInt(timestamp.nanos),
      line: utf8(line),
      metadata: Object.fromEntries(metadata.map(({ name, value }) => [utf8(name), utf8(value)])),
    })),
  }))
}

/** `{a="b", c="d"}`, each name once. */
function parseLabels(text: string): Record<string, string> {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1]
  if (inner === undefined) throw new Error(`Error parsing labels '${text}'`)
  const labels: Record<string, string> = {}
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < inner.length) {
    const [, name = '', quoted = ''] = PAIR.exec(inner) ?? []
    if (name === '' || name in labels) throw new Error(`Error parsing labels '${text}'`)
    labels[name] = JSON.parse(quoted) as string
  }
  return labels
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
