import type { Heartbeat, InstanceStatus, NodeInfo } from '@p2p-playground/core'

/** A running instance of an app. */
export function instanceOf(app: string): InstanceStatus {
  return {
    app,
    version: '1.0.0',
    state: 'running',
    active: true,
    pid: 7,
    reason: '',
    digest: '',
    ports: {},
    startedAtMs: 1,
    healthy: null,
    limits: '',
    ready: true,
    restarts: 0,
    lastFailure: '',
  }
}

/** A heartbeat of the node `n1`. */
export function beatOf(
  instances: readonly InstanceStatus[] = [],
  patch: Partial<NodeInfo> = {},
): Heartbeat {
  const node: NodeInfo = {
    peerId: 'peer',
    name: 'n1',
    labels: {},
    version: '1.0.0',
    platform: 'linux-x64',
    startedAtMs: 1,
    addresses: [],
    runtimes: {},
    healthCheckers: [],
    plugins: [],
    apps: instances.length,
    maxApps: 10,
    resources: {
      cpus: 2,
      memoryTotalBytes: 1,
      memoryFreeBytes: 1,
      diskTotalBytes: 1,
      diskFreeBytes: 1,
      load1: 0,
    },
    usage: null,
    logSinks: [],
    ...patch,
  }
  return { node, instances }
}
