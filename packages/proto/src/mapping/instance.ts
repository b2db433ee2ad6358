import { create } from '@bufbuild/protobuf'
import { INSTANCE_STATES, PlaygroundError } from '@p2p-playground/core'
import type {
  AppDescription,
  InstanceRecord,
  InstanceStatus,
  VersionRow,
} from '@p2p-playground/core'
import {
  DescriptionSchema,
  InstanceSchema,
  VersionSchema,
} from '../gen/p2pplayground/node/v1/node_pb.js'
import type { Description, Instance, Version } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, optionalNumber, toNumber } from './check.js'
import { eventFromProto, eventToProto } from './event.js'
import { failureFromProto, failureToProto } from './failure.js'
import { instanceUsageFromProto, instanceUsageToProto } from './usage.js'

export function instanceToProto(status: InstanceStatus): Instance {
  return create(InstanceSchema, {
    app: status.app,
    version: status.version,
    state: status.state,
    active: status.active,
    reason: status.reason,
    digest: status.digest,
    ports: status.ports,
    limits: status.limits,
    ready: status.ready,
    restarts: status.restarts,
    lastFailure: status.lastFailure,
    ...(status.pid === null ? {} : { pid: status.pid }),
    ...(status.startedAtMs === null ? {} : { startedAtMs: BigInt(Math.round(status.startedAtMs)) }),
    ...(status.healthy === null ? {} : { healthy: status.healthy }),
  })
}

export function instanceFromProto(message: Instance): InstanceStatus {
  return {
    app: message.app,
    version: message.version,
    state: oneOrUnknown(INSTANCE_STATES, message.state),
    active: message.active,
    pid: message.pid ?? null,
    reason: message.reason,
    digest: message.digest,
    ports: { ...message.ports },
    startedAtMs: optionalNumber(message.startedAtMs),
    healthy: message.healthy ?? null,
    limits: message.limits,
    ready: message.ready,
    restarts: message.restarts,
    lastFailure: message.lastFailure,
  }
}

export function versionToProto(
  record: InstanceRecord,
  about: Pick<VersionRow, 'state' | 'tags' | 'note'>,
): Version {
  return create(VersionSchema, {
    app: record.app,
    version: record.version,
    digest: record.digest,
    sizeBytes: BigInt(record.sizeBytes),
    receivedAtMs: BigInt(Math.round(record.receivedAtMs)),
    active: record.active,
    state: about.state,
    tags: [...about.tags],
    note: about.note,
  })
}

export function versionFromProto(message: Version, node: string): VersionRow {
  return {
    node,
    app: message.app,
    version: message.version,
    digest: message.digest,
    sizeBytes: toNumber(message.sizeBytes),
    receivedAtMs: toNumber(message.receivedAtMs),
    active: message.active,
    state: oneOrUnknown(INSTANCE_STATES, message.state),
    tags: message.tags,
    note: message.note,
  }
}

export function descriptionToProto(
  description: Omit<AppDescription, 'node' | 'peerId'>,
): Description {
  const { usage, lastHour } = description
  return create(DescriptionSchema, {
    instance: instanceToProto(description),
    manifest: description.manifest,
    signedBy: description.signedBy,
    dir: description.dir,
    lastExit: description.lastExit,
    events: description.events.map(eventToProto),
    tags: [...description.tags],
    failures: description.failures.map(failureToProto),
    droppedLogLines: BigInt(description.droppedLogLines),
    ...(usage === null
      ? {}
      : {
          usage: {
            cpuMs: usage.cpuMs,
            memoryBytes: BigInt(Math.round(usage.memoryBytes)),
            processes: usage.processes,
          },
        }),
    ...(lastHour === null ? {} : { lastHour: instanceUsageToProto(lastHour) }),
  })
}

export function descriptionFromProto(
  message: Description,
  node: { readonly node: string; readonly peerId: string },
): AppDescription {
  if (message.instance === undefined) {
    throw new PlaygroundError('INTERNAL', 'a node described nothing')
  }
  const { usage } = message
  const instance = instanceFromProto(message.instance)
  return {
    ...instance,
    ...node,
    manifest: message.manifest,
    signedBy: message.signedBy,
    dir: message.dir,
    usage:
      usage === undefined
        ? null
        : {
            cpuMs: usage.cpuMs,
            memoryBytes: toNumber(usage.memoryBytes),
            processes: usage.processes,
          },
    lastHour: message.lastHour === undefined ? null : instanceUsageFromProto(message.lastHour),
    lastExit: message.lastExit,
    events: message.events.map(eventFromProto),
    tags: message.tags,
    failures: message.failures.map((failure) => failureFromProto(failure, instance)),
    droppedLogLines: toNumber(message.droppedLogLines),
  }
}
