// (a) 100 MB of random bytes from one machine to ten, all on this one: a deploy, rsync over ssh, plain TLS.
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { median, printTable, seconds, timed } from './figures.mjs'
import { json, packApp, startFleet } from './fleet.mjs'
import { startSshd } from './sshd.mjs'
import { sendToAll } from './tls-spread.mjs'

const RECEIVERS = 10
const PAYLOAD_BYTES = 100 * 1024 * 1024
const RUNS = 3

export async function spread() {
  console.log(`\n## (a) 100 MB of random bytes to ${RECEIVERS} receivers\n`)
  const fleet = await startFleet(RECEIVERS)
  const times = { deploy: [], arrived: [], rsync: [], tls: [] }
  let sshd
  try {
    sshd = await startSshd(fleet.base)
    for (let run = 0; run < RUNS; run += 1) {
      const bundle = await packApp(fleet, {
        name: 'payload',
        version: `1.0.${run}`,
        script: '#!/bin/sh\nexec sleep 3600\n',
        files: { data: randomBytes(PAYLOAD_BYTES) },
      })
      // One after the other in the same run, on the same bytes.
      const deploy = await timed(() => deployAll(fleet, bundle))
      times.deploy.push(deploy.ms)
      times.arrived.push(deploy.value)
      if (sshd !== undefined)
        times.rsync.push((await timed(() => sshd.copyToAll(bundle, RECEIVERS))).ms)
      times.tls.push(await sendToAll(bundle, RECEIVERS, fleet.base))
      rmSync(bundle)
    }
  } finally {
    sshd?.stop()
    await fleet.stop()
  }
  report(times)
}

/** Deploys and checks that everything came; gives the time until the slowest node had it in place, milliseconds. */
async function deployAll(fleet, bundle) {
  const sizeBytes = statSync(bundle).size
  const results = await json(fleet.first, ['deploy', bundle, '--timeout', '5m'])
  const good = results.filter(({ phase, reusedBytes }) => phase === 'done' && reusedBytes === 0)
  if (good.length !== RECEIVERS) throw new Error(JSON.stringify(results, null, 2))
  for (const home of fleet.homes) {
    const stored = readdirSync(join(home, 'packages')).map((name) => join(home, 'packages', name))
    if (!stored.some((path) => statSync(path).size === sizeBytes))
      throw new Error(`${home} lacks it`)
  }
  return Math.max(...results.map(({ tookMs }) => tookMs))
}

function report({ deploy, arrived, rsync, tls }) {
  const base = median(rsync.length > 0 ? rsync : tls)
  const row = (what, times) => [
    what,
    times.length === 0 ? 'not measured' : seconds(median(times)),
    times.map((ms) => (ms / 1000).toFixed(2)).join(', '),
    times.length === 0 ? '' : (median(times) / base).toFixed(2),
  ]
  const against = rsync.length > 0 ? 'against rsync' : 'against TLS'
  printTable(
    ['', 'median', 'runs, s', against],
    [
      row(
        '`deploy`: command typed → verified, unpacked, synced to disk and running on all',
        deploy,
      ),
      row('… of that, from the offer to the slowest node', arrived),
      row('rsync over ssh, 10 at once', rsync),
      row('plain Node TLS 1.3, one sender, ten receivers that hash and write', tls),
    ],
  )
}
