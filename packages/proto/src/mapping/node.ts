import { create } from '@bufbuild/protobuf'
import { PLUGIN_KINDS, PlaygroundError } from '@p2p-playground/core'
import type { Enforcement, LoadedPlugin, NodeInfo, RuntimeSupport } from '@p2p-playground/core'
import type { BundleId, PieceList } from '@p2p-playground/core/bundle'
import { pieceListDigest } from '@p2p-playground/core/bundle'
import { NodeInfoSchema, OfferSchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type {
  Enforcement as EnforcementMessage,
  LoadedPlugin as LoadedPluginMessage,
  NodeInfo as NodeInfoMessage,
  Offer,
  RuntimeSupport as RuntimeSupportMessage,
} from '../gen/p2pplayground/node/v1/node_pb.js'
import { toNumber } from './check.js'
import { logSinkFromProto, logSinkToProto } from './log-sink.js'
import { nodeUsageFromProto, nodeUsageToProto } from './usage.js'

export function nodeInfoToProto(info: NodeInfo): NodeInfoMessage {
  const { resources } = info
  const runtimes = Object.entries(info.runtimes).map(([name, support]) => [
    name,
    {
      cpu: enforcementToProto(support.cpu),
      memory: enforcementToProto(support.memory),
      pids: enforcementToProto(support.pids),
      sandbox: enforcementToProto(support.sandbox),
      user: enforcementToProto(support.user),
      ...(support.network === undefined ? {} : { network: enforcementToProto(support.network) }),
    },
  ])
  return create(NodeInfoSchema, {
    peerId: info.peerId,
    name: info.name,
    labels: { ...info.labels },
    version: info.version,
    platform: info.platform,
    startedAtMs: BigInt(Math.round(info.startedAtMs)),
    addresses: [...info.addresses],
    runtimes: Object.fromEntries(runtimes) as Record<string, RuntimeSupportMessage>,
    healthCheckers: [...info.healthCheckers],
    plugins: info.plugins.map((plugin) => ({ ...plugin })),
    apps: info.apps,
    maxApps: info.maxApps,
    resources: {
      cpus: resources.cpus,
      memoryTotalBytes: BigInt(resources.memoryTotalBytes),
      memoryFreeBytes: BigInt(resources.memoryFreeBytes),
      diskTotalBytes: BigInt(resources.diskTotalBytes),
      diskFreeBytes: BigInt(resources.diskFreeBytes),
      load1: resources.load1,
    },
    ...(info.usage === null ? {} : { usage: nodeUsageToProto(info.usage) }),
    logSinks: info.logSinks.map(logSinkToProto),
  })
}

export function nodeInfoFromProto(message: NodeInfoMessage | undefined): NodeInfo {
  const resources = message?.resources
  if (message === undefined || resources === undefined) {
    throw new PlaygroundError('INTERNAL', 'a node said nothing of itself')
  }
  return {
    peerId: message.peerId,
    name: message.name,
    labels: { ...message.labels },
    version: message.version,
    platform: message.platform,
    startedAtMs: toNumber(message.startedAtMs),
    addresses: message.addresses,
    runtimes: Object.fromEntries(
      Object.entries(message.runtimes).map(([name, support]) => [name, supportFromProto(support)]),
    ),
    healthCheckers: message.healthCheckers,
    plugins: message.plugins.flatMap(pluginFromProto),
    apps: message.apps,
    maxApps: message.maxApps,
    resources: {
      cpus: resources.cpus,
      memoryTotalBytes: toNumber(resources.memoryTotalBytes),
      memoryFreeBytes: toNumber(resources.memoryFreeBytes),
      diskTotalBytes: toNumber(resources.diskTotalBytes),
      diskFreeBytes: toNumber(resources.diskFreeBytes),
      load1: resources.load1,
    },
    usage: message.usage === undefined ? null : nodeUsageFromProto(message.usage),
    logSinks: message.logSinks.map(logSinkFromProto),
  }
}

export function offerToProto(offer: { readonly id: BundleId; readonly list: PieceList }): Offer {
  return create(OfferSchema, {
    packageDigest: Buffer.from(offer.id.digest, 'hex'),
    app: offer.id.app,
    version: offer.id.version,
    sizeBytes: BigInt(offer.list.sizeBytes),
    pieces: offer.list.pieces.map((piece) => ({
      sizeBytes: piece.sizeBytes,
      digest: piece.digest,
    })),
  })
}

/** The list's own digest is computed here, not taken from the sender. @throws TRANSFER_OFFER when there is no offer */
export function offerFromProto(message: Offer | undefined): {
  readonly id: BundleId
  readonly list: PieceList
} {
  if (message?.packageDigest.length !== 32) {
    throw new PlaygroundError('TRANSFER_OFFER', 'the offer names no package')
  }
  return {
    id: {
      app: message.app,
      version: message.version,
      digest: Buffer.from(message.packageDigest).toString('hex'),
    },
    list: {
      digest: pieceListDigest(message.pieces),
      sizeBytes: toNumber(message.sizeBytes),
      pieces: message.pieces,
    },
  }
}

/** A kind of a later version is not told. */
function pluginFromProto({
  package: from,
  version,
  kind,
  name,
}: LoadedPluginMessage): LoadedPlugin[] {
  const known = PLUGIN_KINDS.find((one) => one === kind)
  return known === undefined ? [] : [{ package: from, version, kind: known, name }]
}

function enforcementToProto(enforcement: Enforcement): { enforced: boolean; note: string } {
  return enforcement.enforced
    ? { enforced: true, note: enforcement.by }
    : { enforced: false, note: enforcement.why }
}

function supportFromProto(message: RuntimeSupportMessage): RuntimeSupport {
  return {
    cpu: enforcementFromProto(message.cpu),
    memory: enforcementFromProto(message.memory),
    pids: enforcementFromProto(message.pids),
    sandbox: enforcementFromProto(message.sandbox),
    user: enforcementFromProto(message.user),
    ...(message.network === undefined ? {} : { network: enforcementFromProto(message.network) }),
  }
}

function enforcementFromProto(message: EnforcementMessage | undefined): Enforcement {
  if (message === undefined) return { enforced: false, why: 'unknown' }
  return message.enforced
    ? { enforced: true, by: message.note }
    : { enforced: false, why: message.note }
}
