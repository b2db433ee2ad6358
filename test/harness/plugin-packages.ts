import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface TestPackage {
  readonly name: string
  readonly version?: string
  /** Beside name, version and type of package.json. */
  readonly manifest?: Readonly<Record<string, unknown>>
  readonly files: Readonly<Record<string, string>>
}

/** Writes a package of its own, as somebody would have written it. */
export function writePackage(dir: string, from: TestPackage): void {
  const { name, version = '1.0.0', manifest, files } = from
  const all = {
    ...files,
    'package.json': JSON.stringify({
      name,
      version,
      type: 'module',
      exports: './index.js',
      ...manifest,
    }),
  }
  for (const [path, text] of Object.entries(all)) {
    const target = join(dir, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, text)
  }
}

/** Puts packages where a home keeps what was installed. */
export function installPackages(home: string, packages: readonly TestPackage[]): void {
  const root = join(home, 'plugins')
  for (const one of packages) writePackage(join(root, 'node_modules', one.name), one)
  const dependencies = Object.fromEntries(packages.map(({ name }) => [name, '*']))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies }))
}

const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }"

/** What each seam needs at least. */
const SEAMS = {
  'health-checker': `spec: ${SCHEMA}, check: async () => ({ healthy: true })`,
  'log-sink': 'write: async () => {}',
  discovery: 'watch: async function* () {}',
} as const

/** A definition; `own` are further properties of what `create` gives. */
export function definition(kind: keyof typeof SEAMS, name: string, own = ''): string {
  return `{ [Symbol.for('p2p-playground.plugin')]: true, kind: '${kind}', name: '${name}', api: '1.0',
    config: ${SCHEMA}, create: (context) => ({ ${SEAMS[kind]}, ${own} }) }`
}
