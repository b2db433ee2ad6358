export * as node from './gen/p2pplayground/node/v1/node_pb.js'
export * as wire from './gen/p2pplayground/wire/v1/wire_pb.js'
export { fromConnectError, toConnectError } from './error-mapping.js'
export { deployProgressFromProto, deployProgressToProto } from './mapping/deploy.js'
export { eventFromProto, eventToProto } from './mapping/event.js'
export { heartbeatFromProto, heartbeatToProto } from './mapping/heartbeat.js'
export {
  descriptionFromProto,
  descriptionToProto,
  instanceFromProto,
  instanceToProto,
  versionFromProto,
  versionToProto,
} from './mapping/instance.js'
export {
  droppedFromProto,
  logEntryFromProto,
  logSourceOfProto,
  logEntryToProto,
} from './mapping/log-entry.js'
export { nodeInfoFromProto, nodeInfoToProto, offerFromProto, offerToProto } from './mapping/node.js'
