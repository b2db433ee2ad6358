// Fails when a file that is generated and kept in git is not what its source gives. Leaves the fresh one in place.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT, stepEnv } from './steps.mjs'

const GENERATORS = [
  ['buf', ['generate'], ['packages/proto/src/gen']],
  ['node', ['scripts/error-docs.mjs'], ['docs/error-codes.md']],
  [
    'node',
    ['scripts/generate-schemas.mjs'],
    [
      'docs/configuration.md',
      'packages/core/schema',
      'packages/daemon/schema',
      'packages/controller/schema',
    ],
  ],
]

for (const [command, args, paths] of GENERATORS) {
  const before = new Map(paths.flatMap(filesOf).map((path) => [path, stateOf(path)]))
  const made = spawnSync(command, args, { cwd: ROOT, env: stepEnv(), stdio: 'inherit' })
  if (made.status !== 0) process.exit(1)
  const after = new Map(paths.flatMap(filesOf).map((path) => [path, stateOf(path)]))
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(path)
    // What is as it was must not look newer than what was built from it.
    if (old?.digest === after.get(path)?.digest) utimesSync(path, old.atime, old.mtime)
    else {
      console.error(
        `${relative(ROOT, path)} was not what "${command} ${args.join(' ')}" gives; commit the new one`,
      )
      process.exitCode = 1
    }
  }
}
if (process.exitCode === undefined) console.log('generated files are fresh')

/** The file, or all files below the directory. */
function filesOf(path) {
  const full = join(ROOT, path)
  if (!existsSync(full)) return []
  if (!statSync(full).isDirectory()) return [full]
  return readdirSync(full, { recursive: true })
    .map((name) => join(full, name))
    .filter((name) => statSync(name).isFile())
}

function stateOf(path) {
  const { atime, mtime } = statSync(path)
  return { atime, mtime, digest: createHash('sha256').update(readFileSync(path)).digest('hex') }
}
