import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PluginDefinition } from '@p2p-playground/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { codeBlocks } from '../harness/code-blocks.js'
import {
  InstalledPackages,
  filesOf,
  filesOfTest,
  importsOf,
  readManifest,
} from '../harness/installed-packages.js'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const PLUGINS = readdirSync(join(ROOT, 'plugins')).map((name) => `plugins/${name}`)
const PACKAGES = ['packages/core', 'packages/testkit', 'packages/process-runtime', ...PLUGINS]
const EXAMPLES = ['examples/plugin-health-redis', 'examples/plugin-sink-http']
const NAMES = PACKAGES.map((path) => readManifest(join(ROOT, path)).name)
const contractOf = (path: string): string => `${path}/src/contract.test.ts`
/** What tests use besides what they test. */
const TOOLS = [
  ...['vitest', 'typescript', '@types/node', 'valibot'],
  ...PLUGINS.flatMap((path) => filesOfTest(contractOf(path)))
    .flatMap((path) => importsOf(read(path)))
    .filter((name) => !NAMES.includes(name)),
]

const GUIDE = 'docs/plugin-authoring.md'
const blocks = codeBlocks(read(GUIDE))

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** What others get: packages from tarballs, in an empty directory; with the examples and the code of the guide. */
describe('packages that are installed from tarballs', () => {
  let installed: InstalledPackages

  beforeAll(async () => {
    installed = new InstalledPackages()
    const version = (name: string): string => readManifest(join(ROOT, 'node_modules', name)).version
    await installed.install(
      PACKAGES,
      Object.fromEntries(TOOLS.map((name) => [name, version(name)])),
    )
    await installed.installOutsiders(EXAMPLES)
    for (const { file, text } of blocks)
      if (file !== undefined) installed.write(`guide/${file}`, text)
  }, 300_000)

  afterAll(() => {
    installed.remove()
  })

  test.each(NAMES)('%s has all that it exports, and no tests', (name) => {
    const dir = installed.pathOf(name)
    const targets = Object.values(readManifest(dir).exports ?? {}).flatMap(Object.values<string>)
    expect(targets.length).toBeGreaterThan(0)
    expect(targets.filter((target) => !existsSync(join(dir, target)))).toEqual([])
    expect(
      filesOf(dir).filter((path) => /\.test\.|tsbuildinfo|\.ts$(?<!\.d\.ts)/.test(path)),
    ).toEqual([])
  })

  test.each(NAMES)('%s depends on all that its code and its types import', (name) => {
    const dir = installed.pathOf(name)
    const { dependencies, peerDependencies } = readManifest(dir)
    const known = [name, ...Object.keys({ ...dependencies, ...peerDependencies })]
    const imported = filesOf(dir)
      .filter((path) => /\.(js|mjs|d\.ts)$/.test(path))
      .flatMap((path) => importsOf(readFileSync(join(dir, path), 'utf8')))
    expect(imported.filter((one) => !known.includes(one))).toEqual([])
  })

  test('each export resolves in TypeScript, with the types of all it needs', async () => {
    const imports = NAMES.flatMap((name) =>
      Object.keys(readManifest(installed.pathOf(name)).exports ?? {}).map(
        (path) => name + path.slice(1),
      ),
    )
      // The types of vitest take long to check; the guide compiles with the suites.
      .filter((specifier) => !/testkit\/(contracts|broken)$/.test(specifier))
      .map((specifier, index) => `export * as m${String(index)} from '${specifier}'\n`)
    const { compilerOptions } = JSON.parse(read('tsconfig.base.json')) as {
      compilerOptions: object
    }
    const options = { ...compilerOptions, composite: false, noEmit: true, skipLibCheck: false }
    installed.write('types/all.ts', imports.join(''))
    installed.write(
      'types/tsconfig.json',
      JSON.stringify({ compilerOptions: options, files: ['all.ts'] }),
    )
    await installed.run('tsc', '-p', 'types')
  })

  test('the guide compiles, and its configurations are ones that its plugins take', async () => {
    expect(blocks.filter(({ language, file }) => /^(ts|json)$/.test(language) && !file)).toEqual([])
    await installed.run('tsc', '-p', 'guide')
    const plugins = await Promise.all(
      readdirSync(join(installed.dir, 'guide/dist'))
        .filter((path) => /^[\w-]+(?<!index|post)\.js$/.test(path))
        .map(async (path) => {
          const url = pathToFileURL(join(installed.dir, 'guide/dist', path)).href
          return ((await import(url)) as { default: PluginDefinition }).default
        }),
    )
    const entries = blocks
      .filter(({ language }) => language === 'yaml')
      .flatMap(({ text }) => (parse(text) as { plugins?: Entry[] }).plugins ?? [])
    expect(entries.length).toBeGreaterThan(3)
    for (const { use, config = {} } of entries) {
      const plugin = plugins.find(({ name }) => use.endsWith(`-${name}`))
      expect((await plugin?.config['~standard'].validate(config))?.issues, use).toBeUndefined()
      expect(plugin, use).toBeDefined()
    }
  })

  test('every suite passes: of the built-in plugins, the fakes, the examples, the guide', async () => {
    for (const path of PLUGINS) {
      const { name } = readManifest(join(ROOT, path))
      installed.copyTest(contractOf(path), `suites/${path}`, name)
    }
    for (const path of EXAMPLES) {
      const { name } = readManifest(join(ROOT, path))
      installed.copyTest(`${path}/src/index.test.ts`, `suites/${path}`, name)
    }
    const passed = await runSuites(installed)
    for (const path of [...PLUGINS, ...EXAMPLES]) {
      expect(passed.get(`suites/${path}`), path).toBeGreaterThan(10)
    }
    expect(passed.get('guide/src'), GUIDE).toBeGreaterThan(60)
  })
})

interface Entry {
  readonly use: string
  readonly config?: unknown
}

/** How many tests passed, by directory. @throws naming what failed */
async function runSuites(installed: InstalledPackages): Promise<Map<string, number>> {
  const reporters = ['--reporter=json', '--outputFile=report.json']
  const limits = ['--testTimeout=30000', '--pool=forks']
  const failure = await installed.run('vitest', 'run', ...reporters, ...limits).then(
    () => undefined,
    (error: unknown) => error,
  )
  const path = join(installed.dir, 'report.json')
  if (!existsSync(path)) throw failure
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Report
  const failed = testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message === '' ? [] : [`${name}: ${message}`]),
    ...assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${name} ${fullName}: ${failureMessages.join()}`),
  ])
  expect(failed).toEqual([])
  expect(failure).toBeUndefined()
  const passed = new Map<string, number>()
  for (const { name, assertionResults } of testResults) {
    const dir = relative(installed.dir, dirname(name))
    const count = assertionResults.filter(({ status }) => status === 'passed').length
    passed.set(dir, (passed.get(dir) ?? 0) + count)
  }
  return passed
}
