import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isPlaygroundError, systemClock } from '@p2p-playground/core'
import type { PluginContext, PluginDefinition } from '@p2p-playground/core'
import { checkDefinitions, checkPlugin, isCompatible } from '@p2p-playground/core/plugins'
import { expect } from 'vitest'
import { RecordingLogger } from '../recording-logger.js'
import { registerContract } from './contract-case.js'
import type { ContractCase } from './contract-case.js'

/** What a definition's test gives the suite: what may stand below `config` in daemon.yaml. */
export interface PluginSetup {
  /** Configurations that it takes; at least one. */
  readonly valid: readonly unknown[]
  /** Configurations that it refuses. */
  readonly invalid: readonly unknown[]
}

/** A key that no configuration has. */
const UNKNOWN_KEY = 'no_such_key'

/** The promises of a plugin's definition, for a test with vitest. For a package with several: once for each. */
export function pluginContract(definition: PluginDefinition, setup: PluginSetup): void {
  registerContract(
    `plugin ${definition.name} keeps the plugin contract`,
    pluginCases(definition, setup),
  )
}

/** The promises of a plugin's definition, one a case. */
export function pluginCases(definition: PluginDefinition, setup: PluginSetup): ContractCase[] {
  return [
    plain('has the shape of a plugin', () => {
      try {
        checkDefinitions(definition, 'the plugin')
      } catch (error) {
        // That is the next case.
        if (!isPlaygroundError(error) || error.code !== 'PLUGIN_API') throw error
      }
    }),
    plain('is written for an api that this core speaks', () => {
      expect(isCompatible(definition.api), definition.api).toBe(true)
    }),
    ...configCases(definition, setup),
    ...createCases(definition, setup),
  ]
}

function configCases(
  { config }: PluginDefinition,
  { valid, invalid }: PluginSetup,
): ContractCase[] {
  const issuesOf = async (value: unknown): Promise<readonly Issue[]> =>
    (await config['~standard'].validate(structuredClone(value))).issues ?? []
  return [
    ...valid.map((value) =>
      plain(`takes the configuration ${JSON.stringify(value)}`, async () => {
        expect(JSON.parse(JSON.stringify(value)), 'daemon.yaml can hold only JSON').toEqual(value)
        expect(await issuesOf(value)).toEqual([])
      }),
    ),

    ...invalid.map((value) =>
      plain(`refuses the configuration ${JSON.stringify(value)}, and says where`, async () => {
        const issues = await issuesOf(value)
        expect(issues.length, 'it was taken').toBeGreaterThan(0)
        for (const { message } of issues) expect(message).toMatch(/\S/)
        // What is not a map at all has no key to name.
        if (isMap(value)) expect(issues.some(({ path }) => (path?.length ?? 0) > 0)).toBe(true)
      }),
    ),

    plain('refuses a key that it does not know, and names it', async () => {
      for (const value of valid.filter(isMap)) {
        const issues = await issuesOf({ ...value, [UNKNOWN_KEY]: 1 })
        const named = issues.map(({ message, path }) => `${message} ${keysOf(path).join('.')}`)
        expect(named).toContainEqual(expect.stringContaining(UNKNOWN_KEY))
      }
    }),

    plain('leaves the configuration that it reads as it is', async () => {
      for (const value of [...valid, ...invalid]) {
        const read = structuredClone(value)
        await config['~standard'].validate(read)
        expect(read).toEqual(value)
      }
    }),
  ]
}

function createCases(definition: PluginDefinition, { valid }: PluginSetup): ContractCase[] {
  const created = (
    name: string,
    body: (context: PluginContext<unknown>) => Promise<void> | void,
  ): ContractCase =>
    plain(name, async () => {
      for (const value of valid) {
        const dataDir = mkdtempSync(join(tmpdir(), 'p2pp-plugin-'))
        try {
          const result = await definition.config['~standard'].validate(structuredClone(value))
          const config = result.issues === undefined ? result.value : value
          await body({ config, logger: new RecordingLogger(), clock: systemClock, dataDir })
        } finally {
          rmSync(dataDir, { recursive: true, force: true })
        }
      }
    })
  return [
    created('creates what its kind asks for', (context) => {
      checkPlugin(definition.kind, definition.create(context), 'the plugin')
    }),

    created('creates without side effects, twice', async (context) => {
      const before = visible()
      definition.create(context)
      definition.create(context)
      expect(visible(), 'what the process holds').toEqual(before)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      expect(readdirSync(context.dataDir), 'files in dataDir').toEqual([])
    }),
  ]
}

type Issue = NonNullable<
  Extract<
    Awaited<ReturnType<PluginDefinition['config']['~standard']['validate']>>,
    { readonly issues: unknown }
  >['issues']
>[number]

function plain(name: string, body: () => Promise<void> | void): ContractCase {
  return {
    name,
    run: async () => {
      await body()
    },
  }
}

function keysOf(path: Issue['path']): string[] {
  return (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a process has open, and what else is easily changed in it. */
function visible(): unknown {
  return {
    resources: process.getActiveResourcesInfo().sort(),
    listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
    env: { ...process.env },
    cwd: process.cwd(),
  }
}
