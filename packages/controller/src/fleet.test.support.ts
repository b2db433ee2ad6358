import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { NodeSummary } from '@p2p-playground/core'
import { afterEach, beforeEach } from 'vitest'
import type { FakeNode } from './testing/fake-node.js'
import { World } from './testing/world.js'

/** A world of nodes for each test of a file, and what a command would see of it. */
export function fleetOfEachTest(): {
  readonly world: World
  /** What a new controller sees, as one CLI command would. */
  readonly list: (known?: readonly string[]) => Promise<readonly NodeSummary[]>
  /** `name state` of them. */
  readonly names: (known?: readonly string[]) => Promise<string[]>
  /** As a running daemon would, for the programs of the same home. */
  readonly runHere: (node: FakeNode, pid?: number) => Promise<void>
} {
  let world: World

  beforeEach(async () => {
    world = await World.make()
  })

  afterEach(async () => {
    await world.dispose()
  })

  const list = async (known: readonly string[] = []): Promise<readonly NodeSummary[]> => {
    const control = await world.control(known)
    try {
      return (await control.listNodes({}, fresh())).items
    } finally {
      await control.close()
    }
  }

  return {
    get world() {
      return world
    },
    list,
    names: async (known) => (await list(known)).map((one) => `${one.name ?? '?'} ${one.state}`),
    runHere: async (node, pid = process.pid) => writeRunFile(world.home.runFile, node, pid),
  }
}

async function writeRunFile(path: string, node: FakeNode, pid: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const { peerId, name, addresses, startedAtMs } = node.state.info
  const file = {
    pid,
    startTicks: 1,
    bootId: '',
    peerId,
    name,
    version: '0',
    addresses,
    startedAtMs,
  }
  await writeFile(path, JSON.stringify(file))
}

export const fresh = (): AbortSignal => AbortSignal.timeout(10_000)

export const peerOf = (
  node: FakeNode,
): { peerId: string; addresses: string[]; source: string } => ({
  peerId: node.peerId,
  addresses: [node.address],
  source: 'mdns',
})

export const NO_KEY =
  'this machine has no signing key that the node trusts; command from a machine that has one'
