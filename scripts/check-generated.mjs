// Fails when a file that is generated and kept in git is not what its source gives. Leaves the fresh one in place.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
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
  const before = paths.map(digestOf)
  const made = spawnSync(command, args, { cwd: ROOT, env: stepEnv(), stdio: 'inherit' })
  if (made.status !== 0) process.exit(1)
  const changed = paths.filter((path, index) => digestOf(path) !== before[index])
  for (const path of changed) {
    console.error(`${path} was not what "${command} ${args.join(' ')}" gives; commit the new one`)
    process.exitCode = 1
  }
}
if (process.exitCode === undefined) console.log('generated files are fresh')

/** Of a file, or of all files below a directory. */
function digestOf(path) {
  const full = join(ROOT, path)
  if (!existsSync(full)) return 'missing'
  const files = statSync(full).isDirectory()
    ? readdirSync(full, { recursive: true })
        .sort()
        .map((name) => join(full, name))
        .filter((file) => statSync(file).isFile())
    : [full]
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file))
  return hash.digest('hex')
}
