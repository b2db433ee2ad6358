import type { HealthChecker, HealthTarget, PluginContext } from '@p2p-playground/core'
import { RecordingLogger, FakeClock } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import plugins from './index.js'
import { withServer } from './servers.test.support.js'

const context: PluginContext<never> = {
  config: {} as never,
  logger: new RecordingLogger(),
  clock: new FakeClock(),
  dataDir: '/nonexistent',
}

function checker(name: string): HealthChecker<unknown> {
  const plugin = plugins.find((one) => one.name === name)
  if (plugin === undefined) throw new Error(`no ${name}`)
  return plugin.create(context)
}

describe('tcp', () => {
  const forever = new AbortController().signal
  it.each<[string, HealthTarget<unknown>, RegExp]>([
    ['no port at all', { spec: {}, pid: 1, ports: {} }, /not exactly one port/],
    ['two ports and no name', { spec: {}, pid: 1, ports: { a: 1, b: 2 } }, /not exactly one port/],
    ['a port that is not there', { spec: { port: 'c' }, pid: 1, ports: { a: 1 } }, /no port "c"/],
    ['an address that is none', { spec: { address: 'web' }, pid: 1, ports: {} }, /not host:port/],
    [
      'another machine',
      { spec: { address: '192.0.2.1:80' }, pid: 1, ports: {} },
      /not this machine/,
    ],
  ])('is unhealthy with %s', async (_name, target, detail) => {
    expect(await checker('tcp').check(target, forever)).toMatchObject({
      healthy: false,
      detail: expect.stringMatching(detail) as string,
    })
  })

  it('connects to an address', async () => {
    await withServer(async (port) => {
      const target = { spec: { address: `127.0.0.1:${String(port)}` }, pid: 1, ports: {} }
      expect(await checker('tcp').check(target, forever)).toMatchObject({ healthy: true })
    })
  })
})
