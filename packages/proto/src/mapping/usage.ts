import { create } from '@bufbuild/protobuf'
import type { InstanceUsage, NodeUsage, UsageFigure } from '@p2p-playground/core'
import {
  FigureSchema,
  InstanceUsageSchema,
  NodeUsageSchema,
} from '../gen/p2pplayground/node/v1/node_pb.js'
import type {
  Figure,
  InstanceUsage as InstanceUsageMessage,
  NodeUsage as NodeUsageMessage,
} from '../gen/p2pplayground/node/v1/node_pb.js'
import { toNumber } from './check.js'

export function nodeUsageToProto(usage: NodeUsage): NodeUsageMessage {
  return create(NodeUsageSchema, {
    sampledAtMs: usage.sampledAtMs.map(toMillis),
    cpuCores: figureToProto(usage.cpuCores),
    memoryBytes: figureToProto(usage.memoryBytes),
    diskBytes: figureToProto(usage.diskBytes),
    networkInBytesPerSecond: figureToProto(usage.networkInBytesPerSecond),
    networkOutBytesPerSecond: figureToProto(usage.networkOutBytesPerSecond),
  })
}

export function nodeUsageFromProto(message: NodeUsageMessage): NodeUsage {
  return {
    sampledAtMs: message.sampledAtMs.map(toNumber),
    cpuCores: figureFromProto(message.cpuCores),
    memoryBytes: figureFromProto(message.memoryBytes),
    diskBytes: figureFromProto(message.diskBytes),
    networkInBytesPerSecond: figureFromProto(message.networkInBytesPerSecond),
    networkOutBytesPerSecond: figureFromProto(message.networkOutBytesPerSecond),
  }
}

export function instanceUsageToProto(usage: InstanceUsage): InstanceUsageMessage {
  return create(InstanceUsageSchema, {
    sampledAtMs: usage.sampledAtMs.map(toMillis),
    cpuCores: figureToProto(usage.cpuCores),
    memoryBytes: figureToProto(usage.memoryBytes),
    diskBytes: figureToProto(usage.diskBytes),
    processes: figureToProto(usage.processes),
    networkInBytesPerSecond: figureToProto(usage.networkInBytesPerSecond),
    networkOutBytesPerSecond: figureToProto(usage.networkOutBytesPerSecond),
  })
}

export function instanceUsageFromProto(message: InstanceUsageMessage): InstanceUsage {
  return {
    sampledAtMs: message.sampledAtMs.map(toNumber),
    cpuCores: figureFromProto(message.cpuCores),
    memoryBytes: figureFromProto(message.memoryBytes),
    diskBytes: figureFromProto(message.diskBytes),
    processes: figureFromProto(message.processes),
    networkInBytesPerSecond: figureFromProto(message.networkInBytesPerSecond),
    networkOutBytesPerSecond: figureFromProto(message.networkOutBytesPerSecond),
  }
}

function toMillis(ms: number): bigint {
  return BigInt(Math.round(ms))
}

function figureToProto(figure: UsageFigure): Figure {
  return create(FigureSchema, {
    ...(figure.current === null ? {} : { current: figure.current }),
    ...(figure.average === null ? {} : { average: figure.average }),
    ...(figure.peak === null ? {} : { peak: figure.peak }),
    samples: figure.samples.map((sample) => sample ?? NaN),
  })
}

function figureFromProto(message: Figure | undefined): UsageFigure {
  return {
    current: measured(message?.current),
    average: measured(message?.average),
    peak: measured(message?.peak),
    samples: message?.samples.map(measured) ?? [],
  }
}

/** Null for what was not measured, and for what is no number to draw. */
function measured(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value
}
