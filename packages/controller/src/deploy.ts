import { randomBytes } from 'node:crypto'
import { PlaygroundError } from '@p2p-playground/core'
import type { Clock, DeployPhase, DeployProgress, DeployRequest } from '@p2p-playground/core'
import { buildPieceList, inspectBundle } from '@p2p-playground/core/bundle'
import type { BundleId, PieceList } from '@p2p-playground/core/bundle'
import type { Host } from '@p2p-playground/p2p'
import { instanceFromProto, node, offerToProto } from '@p2p-playground/proto'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Fleet, KnownNode } from './fleet.js'
import { failureOf } from './followed.js'
import { mergeLive } from './merge.js'

type CommandInit = MessageInitShape<typeof node.CommandSchema>

/** A fresh command for one node. */
export function commandFor(peerId: string, clock: Clock): CommandInit {
  return {
    targetPeerId: peerId,
    nonce: randomBytes(16),
    issuedAtMs: BigInt(Math.round(clock.now())),
  }
}

/** Brings a package to the selected nodes; each node's progress comes as it happens. @throws BUNDLE_ codes before any node is asked */
export async function* deploy(
  request: DeployRequest,
  context: { readonly host: Host; readonly fleet: Fleet; readonly clock: Clock },
  signal: AbortSignal,
): AsyncGenerator<DeployProgress> {
  const { id } = await inspectBundle(request.packagePath)
  const list = await buildPieceList(request.packagePath, signal)
  const nodes = await context.fleet.select(request.target, signal)
  const withdraw = context.host.serve.offer(list, request.packagePath)
  try {
    yield* mergeLive(nodes.map((one) => deployTo(one, { id, list }, request, context, signal)))
  } finally {
    withdraw()
  }
}

async function* deployTo(
  one: KnownNode,
  offer: { readonly id: BundleId; readonly list: PieceList },
  request: DeployRequest,
  context: { readonly host: Host; readonly fleet: Fleet; readonly clock: Clock },
  signal: AbortSignal,
): AsyncGenerator<DeployProgress> {
  const totalBytes = offer.list.sizeBytes
  let last: DeployProgress = {
    node: one.name ?? one.peerId,
    peerId: one.peerId,
    phase: 'offer',
    doneBytes: 0,
    totalBytes,
    reusedBytes: 0,
    state: null,
    failure: null,
  }
  try {
    if (one.info === undefined) throw new PlaygroundError('NODE_UNREACHABLE', one.reason)
    yield last
    const stream = context.fleet.client(one.peerId).deploy(
      {
        command: commandFor(one.peerId, context.clock),
        offer: offerToProto(offer),
        sources: [context.host.peerId],
        allowDowngrade: request.allowDowngrade,
        wait: request.wait,
        timeoutMs: BigInt(Math.round(request.timeoutMs)),
      },
      { signal },
    )
    for await (const message of stream) {
      last = {
        ...last,
        phase: message.phase as DeployPhase,
        doneBytes: Number(message.doneBytes),
        reusedBytes: Number(message.reusedBytes),
        state: message.instance === undefined ? null : instanceFromProto(message.instance).state,
      }
      yield last
    }
    if (last.phase !== 'done')
      throw new PlaygroundError('NODE_UNREACHABLE', 'the node ended the deployment early')
  } catch (error) {
    if (signal.aborted) throw error
    yield { ...last, phase: 'failed', failure: failureOf(one, error) }
  }
}
