import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { pluginNameOf } from './create-plugin.js'

it.each([
  ['redis', 'redis'],
  ['@acme/p2p-health-redis', 'redis'],
  ['p2p-playground-log-sink-kafka', 'kafka'],
  ['p2p-logs-kafka', 'kafka'],
  ['@acme/discovery-consul.v2', 'consul-v2'],
  ['healthy', 'healthy'],
  ['p2p', 'p2p'],
  ['x'.repeat(100), 'x'.repeat(63)],
])('the plugin of %s is called %s', (name, expected) => {
  expect(pluginNameOf(name)).toBe(expected)
})

it('refuses a name that npm does not take', () => {
  expect(() => pluginNameOf('Upper Case')).toThrow(expect.objectContaining({ code: 'USAGE' }))
})

const template = (path: string): string =>
  readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8')

it('has a README that goes in the order of what is to be done', () => {
  const readme = template('shared/README.md')
  const steps = ['npm install', 'plugins link', '<!-- usage -->', 'daemon start', 'npm publish']
  const places = steps.map((step) => readme.indexOf(step))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})

it('says in the README of a sink that it has to be named to get logs', () => {
  expect(template('log-sink/usage.md')).toContain('\nlogging:\n  sinks: [plugin-name]\n')
})

it('begins packages with the versions of tools that are tested here', () => {
  const read = (path: string): Record<string, Record<string, string>> =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
      string,
      Record<string, string>
    >
  const begun = read('../../templates/shared/package.json')
  const root = read('../../../../package.json')
  const core = read('../../../core/package.json')
  for (const tool of ['typescript', 'vitest', '@types/node'])
    expect(begun['devDependencies']?.[tool]).toBe(root['devDependencies']?.[tool])
  expect(begun['dependencies']?.['valibot']).toBe(core['dependencies']?.['valibot'])
})
