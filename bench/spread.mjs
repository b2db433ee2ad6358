// (a) 100 MB of random bytes from one machine to ten, all on this one: a deploy, rsync over ssh, plain TLS.
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { median, printTable, seconds, timed } from './figures.mjs'
import { json, packApp, startFleet } from './fleet.mjs'
import { startSshd } from './sshd.mjs'
import { sendToAll } from './tls-spread.mjs'
import { makeNetwork, whyNoNetwork } from '../test/harness/network.ts'

const RECEIVERS = 10
const PAYLOAD_BYTES = 100 * 1024 * 1024
const RUNS = 3
const APP = 'payload'

export async function spread() {
  console.log(`\n## (a) 100 MB of random bytes to ${RECEIVERS} receivers\n`)
  report(await measure(undefined))
  const why = whyNoNetwork()
  if (why !== undefined) {
    console.log(`\nBetween hosts: not measured, ${why}`)
    return
  }
  console.log(
    '\nBetween hosts: network namespaces on a bridge; the first sends to itself and the others.\n',
  )
  const network = makeNetwork(RECEIVERS)
  try {
    report(await measure(network))
  } finally {
    network.remove()
  }
}

async function measure(network) {
  const fleet = await startFleet(RECEIVERS, { network })
  const times = { placed: [], running: [], rsync: [], tls: [] }
  let sshd
  try {
    sshd = await startSshd(fleet.base, network)
    for (let run = 0; run < RUNS; run += 1) {
      const bundle = await packApp(fleet, {
        name: APP,
        version: `1.0.${run}`,
        script: '#!/bin/sh\nexec sleep 3600\n',
        files: { data: randomBytes(PAYLOAD_BYTES) },
      })
      // One after the other in the same run, on the same bytes; each removes what it brought.
      times.placed.push(await deployAll(fleet, bundle, ['--no-wait']))
      times.running.push(await deployAll(fleet, bundle, []))
      if (sshd !== undefined)
        times.rsync.push((await timed(() => sshd.copyToAll(bundle, RECEIVERS))).ms)
      if (network === undefined) times.tls.push(await sendToAll(bundle, RECEIVERS, fleet.base))
      rmSync(bundle)
    }
  } finally {
    sshd?.stop()
    await fleet.stop()
  }
  return times
}

/** Milliseconds from the command to its end; checks that everything came, and removes it. */
async function deployAll(fleet, bundle, flags) {
  const sizeBytes = statSync(bundle).size
  const { ms, value } = await timed(() =>
    json(fleet.first, ['deploy', bundle, '--timeout', '5m', ...flags]),
  )
  const good = value.filter(({ phase, reusedBytes }) => phase === 'done' && reusedBytes === 0)
  if (good.length !== RECEIVERS) throw new Error(JSON.stringify(value, null, 2))
  for (const home of fleet.homes) {
    const stored = readdirSync(join(home, 'packages')).map((name) => join(home, 'packages', name))
    if (!stored.some((path) => statSync(path).size === sizeBytes))
      throw new Error(`${home} lacks it`)
  }
  await json(fleet.first, ['app', 'remove', APP])
  return ms
}

function report({ placed, running, rsync, tls }) {
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
      row('`deploy --no-wait`: command typed → verified, unpacked, synced to disk on all', placed),
      row('`deploy`: … and every app has run for half a second', running),
      row('rsync over ssh, 10 at once', rsync),
      row('plain Node TLS 1.3, one sender, ten receivers that hash and write', tls),
    ].filter(([, median]) => median !== 'not measured'),
  )
}
