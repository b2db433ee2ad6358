import { describe, expect, it } from 'vitest'
import * as v from 'valibot'
import type { HealthChecker } from '../contracts/health-checker.js'
import { checkDefinitions } from './check-definition.js'
import { checkPlugin } from './check-plugin.js'
import { isCompatible } from './compat.js'
import { PLUGIN_BRAND, definePlugin } from './define.js'
import { PluginRegistry } from './registry.js'

const checker: HealthChecker<unknown> = {
  spec: v.unknown(),
  check: async () => Promise.resolve({ healthy: true }),
}
const definition = definePlugin({
  kind: 'health-checker',
  name: 'mine',
  api: '1.0',
  config: v.strictObject({}),
  create: () => checker,
})

describe('checkDefinitions', () => {
  it('takes one definition, or a list', () => {
    expect(checkDefinitions(definition, 'p')).toEqual([definition])
    expect(checkDefinitions([definition, definition], 'p')).toHaveLength(2)
  })

  it.each([
    ['nothing', undefined, 'PLUGIN_SHAPE', 'p has no default export'],
    ['an empty list', [], 'PLUGIN_SHAPE', 'p exports an empty list'],
    ['a number', 5, 'PLUGIN_SHAPE', 'is not a definition'],
    [
      'an object that was not made with definePlugin',
      { kind: 'runtime' },
      'PLUGIN_SHAPE',
      'definePlugin',
    ],
    ['another kind', { ...definition, kind: 'sink' }, 'PLUGIN_SHAPE', 'kind is "sink"'],
    ['a name with capitals', { ...definition, name: 'Mine' }, 'PLUGIN_SHAPE', 'name is "Mine"'],
    ['no api', { ...definition, api: undefined }, 'PLUGIN_SHAPE', 'api is undefined'],
    ['no schema', { ...definition, config: {} }, 'PLUGIN_SHAPE', 'config is not a schema'],
    ['no create', { ...definition, create: 'x' }, 'PLUGIN_SHAPE', 'create is "x"'],
    ['an api of tomorrow', { ...definition, api: '1.1' }, 'PLUGIN_API', 'plugin API 1.1'],
    ['another major', { ...definition, api: '2.0' }, 'PLUGIN_API', 'plugin API 2.0'],
    ['the second of a list', [definition, { [PLUGIN_BRAND]: true }], 'PLUGIN_SHAPE', 'p[1]'],
  ])('refuses %s', (_name, exported, code, message) => {
    expect(() => checkDefinitions(exported, 'p')).toThrow(expect.objectContaining({ code }))
    expect(() => checkDefinitions(exported, 'p')).toThrow(message)
  })
})

describe('checkPlugin', () => {
  const sink = (lingerMs: unknown) => () => {
    checkPlugin('log-sink', { write: () => undefined, lingerMs }, 'p (mine)')
  }

  it.each([undefined, 0, 30_000])('takes a log sink whose lingerMs is %s', (lingerMs) => {
    expect(sink(lingerMs)).not.toThrow()
  })

  it.each<[unknown, string]>([
    ['30s', '"30s"'],
    [null, 'null'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
  ])('refuses one whose lingerMs is %s', (lingerMs, shown) => {
    const message = `p (mine): create gave a log-sink whose lingerMs is ${shown}, not a number of milliseconds`
    expect(sink(lingerMs)).toThrow(expect.objectContaining({ code: 'PLUGIN_SHAPE', message }))
  })
})

it.each([
  ['1.0', '1.0', true],
  ['1.0', '1.3', true],
  ['1.4', '1.3', false],
  ['2.0', '1.3', false],
  ['0.9', '1.0', false],
  ['1', '1.0', false],
])('api %s on a host of %s: %s', (api, host, expected) => {
  expect(isCompatible(api, host)).toBe(expected)
})

describe('PluginRegistry', () => {
  it('keeps plugins by kind and name, and refuses a name twice', () => {
    const registry = new PluginRegistry()
    registry.add('health-checker', 'mine', checker, 'a')
    expect(registry.all('health-checker').get('mine')).toBe(checker)
    expect(registry.all('runtime').size).toBe(0)
    expect(() => {
      registry.add('health-checker', 'mine', checker, 'b')
    }).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_DUPLICATE',
        message: 'b and a both define health-checker "mine"',
      }),
    )
  })
})
