import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { definition, installPackages } from '../harness/plugin-packages.js'
import { makeHome, runCli } from './run-cli.js'

/** examples/environments as it is: the same daemon with other plugins in each environment. */
const CONFIG = join(import.meta.dirname, '../../examples/environments')
let home: ReturnType<typeof makeHome>

beforeAll(() => {
  home = makeHome()
  // Where the daemon does not bring them itself, these stand for the real ones.
  installPackages(
    home.path,
    ['loki', 's3'].map((name) => ({
      name: `@p2p-playground/logs-${name}`,
      files: { 'index.js': `export default ${definition('log-sink', name)}` },
    })),
  )
})
afterAll(() => {
  home.remove()
})

async function json<Value>(environment: string, ...args: string[]): Promise<Value> {
  const env = environment === 'dev' ? [] : ['--env', environment]
  const all = [...args, '--config', CONFIG, ...env, '--json']
  const { stdout, stderr, status } = await runCli(all, { home: home.path })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Value
}

test.each([
  ['dev', 'process', []],
  ['staging', 'process', ['loki']],
  ['prod', 'cgroups', ['s3']],
])('%s has runtime %s and the sinks %j', async (environment, runtime, sinks) => {
  const { values } = await json<{ values: { key: string; value: unknown; origin: string }[] }>(
    environment,
    'config',
    'show',
  )
  const shown = Object.fromEntries(values.map(({ key, value }) => [key, value]))
  expect(shown).toMatchObject({ 'runtime.default': runtime, 'node.labels.env': environment })
  const uses = values.filter(({ key }) => /^plugins\.\d+\.use$/.test(key))
  expect(uses.map(({ value }) => value)).toEqual(
    sinks.map((name) => `@p2p-playground/logs-${name}`),
  )
  for (const { origin } of uses) expect(origin).toContain(`daemon.${environment}.yaml:`)

  await json(environment, 'daemon', 'start')
  try {
    const { plugins } = await json<{ plugins: { kind: string; name: string }[] }>(
      'dev',
      'daemon',
      'status',
    )
    const names = plugins.filter(({ kind }) => kind === 'log-sink').map(({ name }) => name)
    expect(names).toEqual(sinks)
  } finally {
    await runCli(['daemon', 'stop'], { home: home.path })
  }
})
