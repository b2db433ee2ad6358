import { expect, it } from 'vitest'
import { summaryOf } from './plugin-findings.js'
import type { PluginFinding } from './plugin-findings.js'
import { finding } from './plugin-findings.test.support.js'

it('sums up what a daemon loads, and not what is only installed', () => {
  const plugin = (
    kind: 'runtime' | 'health-checker',
    name: string,
  ): PluginFinding['plugins'][0] => ({
    kind,
    name,
    api: '1.0',
  })
  const plugins = [
    finding({ builtIn: true, named: null, plugins: [plugin('runtime', 'process')] }),
    finding({ plugins: [plugin('health-checker', 'process'), plugin('health-checker', 'redis')] }),
    finding({ named: null, plugins: [plugin('health-checker', 'idle')] }),
  ]
  expect(summaryOf({ plugins, missing: [] })).toEqual({
    result: 'ok',
    message: 'runtime process, health-checker process, health-checker redis',
  })
})
