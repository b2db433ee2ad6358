import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, trackedFiles } from './tracked-files.js'

interface Manifest {
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly license?: string; readonly link?: boolean }>
  >
}

const COPYLEFT = /\b(A?GPL|SSPL|BUSL|CC-BY-NC)/

/** What a licence text says that package.json does not: name to licence, each looked up by hand. */
const KNOWN_LICENCES: Readonly<Record<string, string>> = { 'qrcode-terminal': 'Apache-2.0' }

const direct = [
  ...new Set(
    trackedFiles()
      .filter((path) => path === 'package.json' || path.endsWith('/package.json'))
      .map((path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest)
      .flatMap(({ dependencies, devDependencies, optionalDependencies, peerDependencies }) =>
        [dependencies, devDependencies, optionalDependencies, peerDependencies].flatMap((names) =>
          Object.keys(names ?? {}),
        ),
      )
      .filter((name) => !name.startsWith('@p2p-playground/')),
  ),
].sort()

const documented = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8')
  .split('\n')
  .flatMap((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? [])

test('each direct dependency has its line in docs/dependencies.md', () => {
  expect(direct.filter((name) => !documented.includes(name))).toEqual([])
})

test('docs/dependencies.md names nothing that is not used', () => {
  expect(documented.filter((name) => !direct.includes(name))).toEqual([])
})

test('no package that is installed has a licence of the GPL family', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock
  const bad = Object.entries(packages)
    .filter(([path, entry]) => path.startsWith('node_modules/') && entry.link !== true)
    .map(([path, entry]) => ({ path, licence: entry.license ?? licenceOf(path) }))
    .filter(({ licence }) => licence === '' || isCopyleft(licence))
  expect(bad).toEqual([])
})

/** `(MIT OR GPL-3.0)` lets us choose. */
function isCopyleft(licence: string): boolean {
  return licence.split(' OR ').every((one) => COPYLEFT.test(one))
}

function licenceOf(path: string): string {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const known = KNOWN_LICENCES[name]
  if (known !== undefined) return known
  const manifest = join(ROOT, path, 'package.json')
  // An optional package for another platform is not here.
  if (!existsSync(manifest)) return 'not installed'
  return (JSON.parse(readFileSync(manifest, 'utf8')) as Manifest).license ?? ''
}
