import type { InstanceStatus, NodeInfo } from '@p2p-playground/core'

/** What a node `n1` that runs nothing says of itself. */
export function sampleNode(patch: Partial<NodeInfo> = {}): NodeInfo {
  return {
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
    apps: 0,
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
}

/** A running, active `app@1.0.0` that nobody checks. */
export function sampleInstance(app: string, patch: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    app,
    version: '1.0.0',
    state: 'running',
    active: true,
    pid: 7,
    reason: '',
    digest: 'ab'.repeat(32),
    ports: {},
    startedAtMs: 1,
    healthy: null,
    limits: '',
    ready: true,
    restarts: 0,
    lastFailure: '',
    ...patch,
  }
}
