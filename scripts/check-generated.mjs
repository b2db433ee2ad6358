// Fails when a file that is generated and committed is not what its source gives.
import { spawnSync } from 'node:child_process'
import { ROOT, stepEnv } from './steps.mjs'

const GENERATORS = [['buf', ['generate'], 'packages/proto/src/gen']]

for (const [command, args, path] of GENERATORS) {
  const made = spawnSync(command, args, { cwd: ROOT, env: stepEnv(), stdio: 'inherit' })
  if (made.status !== 0) process.exit(1)
  const changed = spawnSync('git', ['status', '--porcelain', '--', path], {
    cwd: ROOT,
  }).stdout.toString()
  if (changed.trim() !== '') {
    console.error(
      `${path} is not what "${command} ${args.join(' ')}" gives; commit the new one:\n${changed}`,
    )
    process.exit(1)
  }
}
console.log('generated files are fresh')
