import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asPlaygroundError } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadDaemonConfig } from '../config/index.js'
import { BROKEN_PLUGINS } from './broken-plugins.test.support.js'
import { installBroken, messageOf } from './broken-plugin.test.support.js'
import type { BrokenPlugin } from './broken-plugin.test.support.js'
import { loadPlugins } from './loader.js'

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-broken-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

/** Loads and starts it as a daemon would; gives what was wrong, and what was said of an optional one. */
async function trouble(
  broken: BrokenPlugin,
  change = (yaml: string): string => yaml,
): Promise<{ readonly error: unknown; readonly warnings: readonly string[] }> {
  const env = { P2P_PLAYGROUND_HOME: dir }
  const home = resolveHome(env)
  const [root = ''] = home.pluginRoots
  writeFileSync(home.daemonConfig, change(installBroken(broken, root)))
  const { config, positionOf, expanded } = await loadDaemonConfig({ home, env })
  const logger = new RecordingLogger()
  const clock = new FakeClock()
  Object.assign(globalThis, { onHang: () => void clock.advance(10_000) })
  try {
    const plugins = await loadPlugins({
      entries: config.plugins,
      positionOf,
      expanded,
      searchRoots: home.pluginRoots,
      contextFor: async () => Promise.resolve({ logger, clock, dataDir: dir }),
      clock,
    })
    if (broken.step !== 'open') return { error: undefined, warnings: plugins.warnings }
    await plugins.open()
    await plugins.close(logger)
    return { error: undefined, warnings: plugins.warnings }
  } catch (error) {
    return { error, warnings: [] }
  }
}

describe('a plugin that', () => {
  it.each(BROKEN_PLUGINS.map((broken) => [broken.what, broken] as const))(
    '%s is told of in one message',
    async (_what, broken) => {
      const { code, message, hint } = asPlaygroundError((await trouble(broken)).error)
      expect(message).toMatch(messageOf(broken, join(dir, 'daemon.yaml')))
      expect(code).toBe(broken.code)
      expect(hint).toMatch(broken.hint)
    },
  )

  it.each(
    BROKEN_PLUGINS.filter(({ yaml = ['- use: broken'] }) => yaml[0]?.includes('use:') === true).map(
      (broken) => [broken.what, broken] as const,
    ),
  )('%s is left out when it is optional', async (_what, broken) => {
    const optional = (yaml: string): string => yaml.replace(/(- use: .*)/, '$1\n    optional: true')
    const { error, warnings } = await trouble(broken, optional)
    expect(error).toBeUndefined()
    expect(warnings).toEqual([expect.stringMatching(/ is left out: \S*daemon\.yaml:\d+:\d+: /)])
  })
})
