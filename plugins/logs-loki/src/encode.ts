import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { compress } from 'snappyjs'
import type { PushEntry, PushRequest } from './push-request.js'

export interface EncodedRequest {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

const zip = promisify(gzip)

/** The body of a push, https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs. */
export async function encode(
  request: PushRequest,
  encoding: 'protobuf' | 'json',
): Promise<EncodedRequest> {
  if (encoding === 'json') {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    return { body: await zip(encodeJson(request)), headers }
  }
  return {
    body: compress(encodeProtobuf(request)),
    headers: { 'content-type': 'application/x-protobuf' },
  }
}

function encodeJson(request: PushRequest): string {
  const streams = request.map(({ labels, entries }) => ({
    stream: labels,
    values: entries.map(({ seconds, nanos, line, metadata }) => {
      const time = `${String(seconds)}${String(nanos).padStart(9, '0')}`
      return Object.keys(metadata).length === 0 ? [time, line] : [time, line, metadata]
    }),
  }))
  return JSON.stringify({ streams })
}

/** `logproto.PushRequest` of Loki's pkg/push/push.proto. */
function encodeProtobuf(request: PushRequest): Uint8Array {
  const writer = new BinaryWriter()
  const message = (field: number, write: () => void): void => {
    writer.tag(field, WireType.LengthDelimited).fork()
    write()
    writer.join()
  }
  const text = (field: number, value: string): void => {
    writer.tag(field, WireType.LengthDelimited).string(value)
  }
  const writeEntry = ({ seconds, nanos, line, metadata }: PushEntry): void => {
    message(1, () => {
      writer.tag(1, WireType.Varint).int64(seconds)
      writer.tag(2, WireType.Varint).int32(nanos)
    })
    text(2, line)
    for (const [name, value] of Object.entries(metadata)) {
      message(3, () => {
        text(1, name)
        text(2, value)
      })
    }
  }
  for (const { labels, entries } of request) {
    message(1, () => {
      text(1, formatLabels(labels))
      for (const entry of entries) {
        message(2, () => {
          writeEntry(entry)
        })
      }
    })
  }
  return writer.finish()
}

/** `{app="hello", node="n1"}`; the escapes of JSON are among those of Go, by which Loki reads it. */
function formatLabels(labels: PushRequest[number]['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `{${pairs.join(', ')}}`
}
