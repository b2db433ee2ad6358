import { basename } from 'node:path'
import { checkPieceList } from '@p2p-playground/core/bundle'
import type { Caller, Host } from '@p2p-playground/p2p'
import { offerFromProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { FetchJob } from '../engine/fetcher.js'
import { packageName } from '../engine/package-store.js'

/** What a deployment asks this node to fetch. @throws TRANSFER_OFFER */
export function deployJob(
  request: node.DeployRequest,
  caller: Caller,
  host: Pick<Host, 'isOnThisMachine'>,
): FetchJob {
  const { id, list } = offerFromProto(request.offer)
  checkPieceList(list)
  const path = request.localPath
  // Who is elsewhere has no say in which files are read here, but for what nodes keep under the name of its content.
  const mayName = basename(path) === packageName(id.digest) || host.isOnThisMachine(caller.peerId)
  return {
    id,
    list,
    sources: request.sources.length > 0 ? request.sources : [caller.peerId],
    connections: new Map([[caller.peerId, caller.connectionId]]),
    localPath: path !== '' && mayName ? path : undefined,
    allowDowngrade: request.allowDowngrade,
    by: caller.peerId,
  }
}
