export * as node from './gen/p2pplayground/node/v1/node_pb.js'
export * as wire from './gen/p2pplayground/wire/v1/wire_pb.js'
