// npm run bench [-- a b c d e f]: measures, and prints tables for bench/README.md.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from '../scripts/build.mjs'
import { ensureTools, stepEnv } from '../scripts/steps.mjs'

const [major] = process.versions.node.split('.').map(Number)
if (major < 22) {
  await build()
  const { status } = spawnSync('node', [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    env: stepEnv(),
    stdio: 'inherit',
  })
  process.exit(status ?? 1)
}

await build()
await ensureTools({
  openssl: 'openssl',
  rsync: 'rsync',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
})

const BENCHES = {
  a: async () => (await import('./spread.mjs')).spread(),
  b: async () => (await import('./start-latency.mjs')).startLatency(),
  c: async () => (await import('./log-latency.mjs')).logLatency(),
  d: async () => (await import('./idle-memory.mjs')).idleMemory(),
  e: async () => (await import('./cycles.mjs')).cycles(),
  f: async () => (await import('./many-files.mjs')).manyFiles(),
}

const { machine } = await import('./fleet.mjs')
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES)
console.log(`\n${new Date().toISOString().slice(0, 10)}: ${machine()}`)
for (const name of wanted) {
  const bench = BENCHES[name]
  if (bench === undefined)
    throw new Error(`there is no bench "${name}", only ${Object.keys(BENCHES).join(', ')}`)
  await bench()
}
