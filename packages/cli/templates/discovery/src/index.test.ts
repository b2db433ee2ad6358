import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { Discovery } from '@p2p-playground/core'
import { RecordingLogger } from '@p2p-playground/testkit'
import { discoveryContract } from '@p2p-playground/testkit/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import plugin from './index.js'

let dir: string
const peers = ['12D3KooWPeerA', '12D3KooWPeerB']
const files = new Map<Discovery, string>()

function write(file: string, peerIds: readonly string[]): void {
  const entries = peerIds.map((peerId) => ({
    peerId,
    addresses: [`/ip4/192.0.2.7/tcp/4001/p2p/${peerId}`],
  }))
  writeFileSync(file, JSON.stringify(entries))
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'plugin-name-'))
})

afterAll(() => {
  rmSync(dir, { recursive: true, force: true })
})

const create = (file: string, logger = new RecordingLogger()): Discovery =>
  plugin.create({
    config: { file, interval_seconds: 1 },
    logger,
    clock: systemClock,
    dataDir: '/nonexistent',
  })

discoveryContract('plugin-name', {
  create: () => {
    const file = join(dir, `peers-${String(files.size)}.json`)
    write(file, peers)
    const discovery = create(file)
    files.set(discovery, file)
    return discovery
  },
  expected: peers,
  appear: (discovery) => {
    const late = '12D3KooWPeerC'
    write(files.get(discovery) ?? '', [...peers, late])
    return late
  },
})

it('goes on looking while the file is not there, and says so', async () => {
  const logger = new RecordingLogger()
  const stop = new AbortController()
  const missing = join(dir, 'later.json')
  const first = create(missing, logger).watch(stop.signal)[Symbol.asyncIterator]().next()
  write(missing, peers.slice(0, 1))
  expect((await first).value).toMatchObject({ peerId: peers[0], source: 'plugin-name' })
  stop.abort()
})

it('refuses configuration that it does not know', async () => {
  const { issues } = await plugin.config['~standard'].validate({ file: 'x', intervall: 3 })
  expect(issues).toHaveLength(1)
})
