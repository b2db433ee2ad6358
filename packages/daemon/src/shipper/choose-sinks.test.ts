import { LOG_KINDS } from '@p2p-playground/core'
import { InMemoryLogSink, RecordingLogger } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import type { LoadedDaemonConfig } from '../config/index.js'
import { chooseSinks } from './choose-sinks.js'
import type { ConfiguredSink } from './shipping.js'

const loki = new InMemoryLogSink()
const logSinks = new Map([['loki', loki]])

function choose(
  names: readonly string[],
  plugins: { readonly logSinks?: typeof logSinks; readonly warnings?: readonly string[] } = {},
  logger = new RecordingLogger(),
): ConfiguredSink[] {
  const sinks = names.map((name, index) => ({
    ...{ name, kinds: LOG_KINDS, path: ['logging', 'sinks', index] },
  }))
  const loaded = {
    config: { logging: { sinks } } as unknown as LoadedDaemonConfig['config'],
    positionOf: () => ({ file: 'daemon.yaml', line: 4, column: 7 }),
  }
  return chooseSinks(loaded, { logSinks, warnings: [], ...plugins }, logger)
}

it('takes those that the configuration names', () => {
  expect(choose([])).toEqual([])
  expect(choose(['loki'])).toEqual([{ name: 'loki', kinds: LOG_KINDS, sink: loki }])
})

it.each([
  ['lokki', logSinks, 'Did you mean "loki"?'],
  ['elastic', logSinks, 'There are: loki.'],
  ['loki', new Map<string, InMemoryLogSink>(), 'Name the plugin of the sink under "plugins".'],
])('refuses "%s", which no plugin gives, with its place', (name, known, hint) => {
  expect(() => choose([name], { logSinks: known })).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: `daemon.yaml:4:7: no plugin gives a log sink "${name}"`,
      hint,
    }),
  )
})

it('goes on without one that may be that of an optional plugin which is left out', () => {
  const logger = new RecordingLogger()
  expect(choose(['s3', 'loki'], { warnings: ['p is left out'] }, logger)).toHaveLength(1)
  expect(logger.lines).toMatchObject([{ event: 'log-sink-left-out', fields: { sink: 's3' } }])
})
