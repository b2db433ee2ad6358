// npm test: builds what is stale, then lint, unit tests and system tests; the last line sums them up.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.mjs'
import { ensureRadosgw } from './radosgw.mjs'
import { ensureTools, step } from './steps.mjs'

await build()
await ensureTools({
  openssl: 'openssl',
  ip: 'iproute2',
  setsid: 'util-linux',
  setpriv: 'util-linux',
  bwrap: 'bubblewrap',
  nft: 'nftables',
  'systemd-analyze': 'systemd',
  // A Redis server under another name, without the service that the package redis-server starts.
  'redis-check-rdb': 'redis-tools',
  // Packaged for this machine only; one that is not there would keep all from being installed.
  ...(process.arch === 'x64' ? { 'linux.uml': 'user-mode-linux' } : {}),
})
await ensureRadosgw()

/** Title, command, arguments. None of them writes. */
const CHECKS = [
  ['lint', 'eslint', ['.']],
  ['format', 'prettier', ['--check', '--log-level=warn', '.']],
  ['types of the system tests', 'tsc', ['-p', 'test']],
  ['types of what plugins create writes', 'tsc', ['-p', 'packages/cli/templates']],
  ['lint protobuf', 'buf', ['lint']],
  ['protobuf changes', 'node', ['scripts/check-wire.mjs']],
]

const out = mkdtempSync(join(tmpdir(), 'p2p-playground-test-'))
const totals = { passed: 0, failed: 0, skipped: 0 }
let good

try {
  good = await step('generated files', 'node', ['scripts/check-generated.mjs'], { goOn: true })
  good = (await checkAll()) && good
  for (const project of ['unit', 'system']) good = (await suite(project)) && good
} finally {
  rmSync(out, { recursive: true, force: true })
}

console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exit(good && totals.failed === 0 ? 0 : 1)

/** Two at a time: each of them has but one thread. */
async function checkAll() {
  console.log(`\n▶ checks, two at a time: ${CHECKS.map(([title]) => title).join(', ')}`)
  const left = [...CHECKS]
  const lane = async () => {
    let isGood = true
    for (let check = left.shift(); check !== undefined; check = left.shift())
      isGood = (await step(...check, { goOn: true, hold: true })) && isGood
    return isGood
  }
  const lanes = await Promise.all([lane(), lane()])
  return lanes.every(Boolean)
}

async function suite(project) {
  const file = join(out, `${project}.json`)
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]
  const passed = await step(`${project} tests`, 'vitest', args, {
    goOn: true,
    env: { NO_COLOR: '1' },
  })
  if (!existsSync(file)) {
    console.error(`✘ the ${project} tests ended without a result`)
    return false
  }
  const result = JSON.parse(readFileSync(file, 'utf8'))
  totals.passed += result.numPassedTests
  totals.failed += result.numFailedTests
  totals.skipped += result.numPendingTests + (result.numTodoTests ?? 0)
  return passed
}
