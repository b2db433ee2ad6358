import { createClient } from '@connectrpc/connect'
import type { Client } from '@connectrpc/connect'
import type { Host } from '@p2p-playground/p2p'
import { addressOf } from '@p2p-playground/p2p/testing'
import { fromConnectError, node } from '@p2p-playground/proto'
import { createNodeService } from './node-service.js'
import type { NodeServiceDependencies } from './node-service.js'

export type NodeClient = Client<typeof node.NodeService>

/** Serves NodeService over those of its dependencies that a test uses. */
export function serve(host: Host, used: unknown): void {
  host.handleCalls((router) => {
    router.service(node.NodeService, createNodeService(used as NodeServiceDependencies))
  })
}

export async function clientOf(asking: Host, serving: Host): Promise<NodeClient> {
  await asking.dial(addressOf(serving), AbortSignal.timeout(5000))
  return createClient(node.NodeService, asking.transport(serving.peerId))
}

/** Of the error that a call ends with; `none` without one. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    return fromConnectError(error).code
  }
  return 'none'
}
