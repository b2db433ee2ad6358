import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
import * as tokens from '@p2p-playground/core/tokens'
import { testHost } from '@p2p-playground/p2p/testing'
import { InMemoryRuntime, RecordingLogger } from '@p2p-playground/testkit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { compose } from './compose.js'
import { loadDaemonConfig } from './config/index.js'
import { openIsolation } from './isolation/isolation.js'
import { DaemonLog } from './logs/daemon-log.js'
import { LogStore } from './logs/log-store.js'
import { SqliteStateStore } from './state/sqlite-state-store.js'

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-compose-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

it('resolves every token, each daemon in a container of its own', async () => {
  const env = { P2P_PLAYGROUND_HOME: dir }
  const home = resolveHome(env)
  const loaded = await loadDaemonConfig({ home, env })
  const { config } = loaded
  const logger = new RecordingLogger()
  const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n1' })
  const logs = new LogStore({
    rootDir: join(dir, 'logs'),
    node: 'n1',
    clock: systemClock,
    logger,
    maxBytesPerApp: 1e6,
    maxAgeMs: 1e6,
    redact: [],
  })
  const host = await testHost({ listen: [] })
  const foundations = {
    config,
    home,
    clock: systemClock,
    logger,
    store,
    logs,
    daemonLog: new DaemonLog({
      dir: join(dir, 'logs'),
      node: 'n1',
      clock: systemClock,
      redact: (text) => text,
    }),
    host,
    trustedKeys: [],
    runtimes: new Map([['fake', new InMemoryRuntime()]]),
    supports: new Map(),
    healthCheckers: new Map(),
    logSinks: [],
    plugins: [],
    isolation: await openIsolation(loaded, home),
  }
  const one = compose(foundations)
  const two = compose(foundations)
  for (const [name, token] of Object.entries(tokens)) {
    expect(one.resolve(token), name).toBeDefined()
    expect(one.resolve(token), name).toBe(one.resolve(token))
  }
  expect(one.resolve(tokens.ENGINE)).not.toBe(two.resolve(tokens.ENGINE))
  await logs.close()
  store.close()
})
