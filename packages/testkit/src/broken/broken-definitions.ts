import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PLUGIN_BRAND, definePlugin } from '@p2p-playground/core'
import type { PluginDefinition, Schema } from '@p2p-playground/core'
import type { PluginSetup } from '../contracts/plugin-contract.js'
import { FakeHealthChecker } from '../fakes/fake-health-checker.js'
import type { BrokenPlugin } from './broken-plugin.js'

type Config = Readonly<Record<string, unknown>>
type Problem = readonly [key: string, message: string]

/** Takes a map whose only key is `limit`, a number. */
function problemOf(value: unknown): Problem | undefined {
  if (typeof value !== 'object' || value === null) return ['', 'is no map']
  const unknown = Object.keys(value).find((key) => key !== 'limit')
  if (unknown !== undefined) return [unknown, `"${unknown}" is not known`]
  if ('limit' in value && typeof value.limit !== 'number') return ['limit', 'is no number']
  return undefined
}

function schemaOf(check: (value: unknown) => Problem | undefined, hasPath = true): Schema<Config> {
  return {
    '~standard': {
      version: 1,
      vendor: 'testkit',
      validate: (value) => {
        const problem = check(value)
        if (problem === undefined) return { value: value as Config }
        const [key, message] = problem
        return { issues: [key === '' || !hasPath ? { message } : { message, path: [key] }] }
      },
    },
  }
}

const SETUP: PluginSetup = {
  valid: [{}, { limit: 1 }],
  invalid: [{ limit: 'one' }, null],
}

/** A definition as it should be. */
export const SOUND_DEFINITION: PluginDefinition = definePlugin({
  kind: 'health-checker',
  name: 'sound',
  api: '1.0',
  config: schemaOf(problemOf),
  create: () => new FakeHealthChecker() as ReturnType<PluginDefinition<'health-checker'>['create']>,
})

export interface DefinitionSetup extends PluginSetup {
  readonly definition: PluginDefinition
}

type Create = PluginDefinition['create']

const broken = (
  fault: string,
  patch: Readonly<Record<PropertyKey, unknown>>,
  breaks: readonly string[],
  says: RegExp,
): BrokenPlugin<DefinitionSetup> => ({
  fault,
  breaks,
  says,
  setup: { ...SETUP, definition: { ...SOUND_DEFINITION, ...patch } },
})

const creates = (act: (...args: Parameters<Create>) => void): Readonly<Record<string, Create>> => ({
  create: (context) => {
    act(context)
    return SOUND_DEFINITION.create(context)
  },
})

const EFFECTS = 'creates without side effects, twice'
const SHAPE = 'has the shape of a plugin'

export const BROKEN_DEFINITIONS: readonly BrokenPlugin<DefinitionSetup>[] = [
  broken('was not made with definePlugin', { [PLUGIN_BRAND]: false }, [SHAPE], /definePlugin/),
  broken('has a name with capitals', { name: 'Redis' }, [SHAPE], /name is "Redis"/),
  broken(
    'is of no kind',
    { kind: 'sink' },
    [SHAPE, 'creates what its kind asks for'],
    /kind is "sink"/,
  ),
  broken(
    'is for an api of tomorrow',
    { api: '1.9' },
    ['is written for an api that this core speaks'],
    /1\.9/,
  ),
  broken(
    'takes keys that it does not know',
    {
      config: schemaOf((value) => {
        const problem = problemOf(value)
        return problem?.[1].endsWith('not known') === true ? undefined : problem
      }),
    },
    ['refuses a key that it does not know, and names it'],
    /no_such_key/,
  ),
  broken(
    'does not name the key that is wrong',
    { config: schemaOf(problemOf, false) },
    ['refuses the configuration {"limit":"one"}, and says where'],
    /true/,
  ),
  broken(
    'takes a value of the wrong type',
    {
      config: schemaOf((value) =>
        problemOf(value)?.[1] === 'is no number' ? undefined : problemOf(value),
      ),
    },
    ['refuses the configuration {"limit":"one"}, and says where'],
    /it was taken/,
  ),
  broken(
    'says nothing about what is wrong',
    {
      config: schemaOf((value) => {
        const problem = problemOf(value)
        return problem?.[0] === '' ? ['', ''] : problem
      }),
    },
    ['refuses the configuration null, and says where'],
    /S/,
  ),
  broken(
    'refuses what it needs',
    {
      config: schemaOf(
        (value) =>
          problemOf(value) ?? (JSON.stringify(value) === '{}' ? undefined : ['limit', 'no']),
      ),
    },
    ['takes the configuration {"limit":1}'],
    /limit/,
  ),
  broken(
    'changes what it reads',
    {
      config: schemaOf((value) => {
        const problem = problemOf(value)
        if (problem === undefined) Object.assign(value as object, { limit: 5 })
        return problem
      }),
    },
    ['leaves the configuration that it reads as it is'],
    /limit/,
  ),
  broken(
    'writes a file when it is created',
    creates(({ dataDir }) => {
      writeFileSync(join(dataDir, 'cursor'), '0')
    }),
    [EFFECTS],
    /cursor/,
  ),
  broken(
    'starts a timer when it is created',
    creates(() => {
      setTimeout(() => undefined, 1)
    }),
    [EFFECTS],
    /Timeout/,
  ),
  broken(
    'throws when it is created',
    creates(() => {
      throw new Error('no server')
    }),
    ['creates what its kind asks for', EFFECTS],
    /no server/,
  ),
  broken(
    'creates a promise',
    {
      create: async (context: Parameters<Create>[0]) =>
        Promise.resolve(SOUND_DEFINITION.create(context)),
    },
    ['creates what its kind asks for'],
    /create gave a promise/,
  ),
  broken(
    'wants more than it needs',
    {
      config: schemaOf(
        (value) =>
          problemOf(value) ??
          (JSON.stringify(value) === '{}' ? ['limit', 'is missing'] : undefined),
      ),
    },
    ['takes the configuration {}'],
    /is missing/,
  ),
]
