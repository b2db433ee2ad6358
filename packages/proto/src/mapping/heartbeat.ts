import { create } from '@bufbuild/protobuf'
import type { Heartbeat } from '@p2p-playground/core'
import { StreamHeartbeatsResponseSchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { StreamHeartbeatsResponse } from '../gen/p2pplayground/node/v1/node_pb.js'
import { instanceFromProto, instanceToProto } from './instance.js'
import { nodeInfoFromProto, nodeInfoToProto } from './node.js'

export function heartbeatToProto(heartbeat: Heartbeat): StreamHeartbeatsResponse {
  return create(StreamHeartbeatsResponseSchema, {
    node: nodeInfoToProto(heartbeat.node),
    instances: heartbeat.instances.map(instanceToProto),
  })
}

/** @throws INTERNAL when it holds no node */
export function heartbeatFromProto(message: StreamHeartbeatsResponse): Heartbeat {
  return {
    node: nodeInfoFromProto(message.node),
    instances: message.instances.map(instanceFromProto),
  }
}
