// Fails when the protobuf definition breaks whoever speaks the last published one.
import { spawnSync } from 'node:child_process'
import { ROOT, stepEnv } from './steps.mjs'

const base = ['origin/main', 'HEAD~1'].find(
  (ref) => commitOf(ref) !== undefined && commitOf(ref) !== commitOf('HEAD') && hasProto(ref),
)
if (base === undefined) {
  console.log('there is no earlier commit to compare the protobuf definition with')
} else {
  const args = ['breaking', '--against', `.git#ref=${commitOf(base)}`]
  console.log(`comparing with ${base}: buf ${args.join(' ')}`)
  const { status } = spawnSync('buf', args, { cwd: ROOT, env: stepEnv(), stdio: 'inherit' })
  process.exitCode = status ?? 1
}

function commitOf(ref) {
  const { status, stdout } = git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`)
  return status === 0 ? stdout.toString().trim() : undefined
}

function hasProto(ref) {
  return git('cat-file', '-e', `${ref}:buf.yaml`).status === 0
}

function git(...args) {
  return spawnSync('git', args, { cwd: ROOT })
}
