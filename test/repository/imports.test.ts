import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, trackedFiles } from './tracked-files.js'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly oclif?: { readonly plugins?: readonly string[] }
}

/** Used without being imported: by decorators, by name, by the plugin loader. */
const BY_NAME = [
  '@p2p-playground/runtime-cgroups',
  '@p2p-playground/runtime-process',
  '@p2p-playground/health-http',
  '@p2p-playground/health-basic',
  '@p2p-playground/logs-loki',
  '@p2p-playground/logs-s3',
]

const files = trackedFiles()
const packages = files.filter((path) => /^(packages|plugins)\/[^/]+\/package\.json$/.test(path))

describe.each(packages.map((path) => dirname(path)))('%s', (dir) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, dir, 'package.json'), 'utf8')) as Manifest & {
    readonly name: string
    readonly peerDependencies?: Readonly<Record<string, string>>
  }
  const sources = files.filter(
    (path) =>
      path.startsWith(`${dir}/`) && !path.includes('/templates/') && /\.(ts|js)$/.test(path),
  )
  const imported = (wanted: readonly string[]): string[] => [
    ...new Set(wanted.flatMap((path) => importsOf(path)).filter((name) => name !== manifest.name)),
  ]
  const shipped = sources.filter((path) => !/\.test\.|\/testing\//.test(path))
  const runtime = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })

  test('declares what its shipped code imports', () => {
    expect(imported(shipped).filter((name) => !runtime.includes(name))).toEqual([])
  })

  test('depends on nothing that it does not import', () => {
    const used = [...imported(sources), ...BY_NAME, ...(manifest.oclif?.plugins ?? [])]
    expect(Object.keys(manifest.dependencies ?? {}).filter((name) => !used.includes(name))).toEqual(
      [],
    )
  })
})

/** Packages that a file imports, types included. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return [...text.matchAll(/(?:from |import |import\()'([@a-z][\w@./:-]*)'/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => !isBuiltin(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
}
