// (a) 100 MB of random bytes from one machine to ten, all on this one: a deploy, rsync over ssh, plain TLS.
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { timedCpu } from './cpu-time.mjs'
import { median, printTable, seconds } from './figures.mjs'
import { json, packApp, startFleet, touchMemory } from './fleet.mjs'
import { startSshd } from './sshd.mjs'
import { sendToAll } from './tls-spread.mjs'
import { makeNetwork, whyNoNetwork } from '../test/harness/network.ts'

const RECEIVERS = 10
const PAYLOAD_BYTES = 100 * 1024 * 1024
const RUNS = 3
const APP = 'payload'
/** What ten nodes write: package and files. */
const WRITTEN_BYTES = 2 * RECEIVERS * PAYLOAD_BYTES
const SEND = '--no-local-copy'
const PLACED = 'verified, unpacked, synced to disk on all'

export async function spread() {
  console.log(`\n## (a) 100 MB of random bytes to ${RECEIVERS} receivers\n`)
  report(await measure({ copies: true, sends: true, tls: true }))
  const why = whyNoNetwork()
  if (why !== undefined) {
    console.log(`\nBetween hosts: not measured, ${why}`)
    return
  }
  console.log(
    '\nFrom one host to ten daemons on another; hosts are network namespaces on a bridge.\n',
  )
  await onNetwork(2, async ({ hosts: [sender, receiver], address }) => {
    const hosts = [sender, ...Array.from({ length: RECEIVERS }, () => receiver)]
    const network = { hosts, address: (index) => address(Math.min(index, 1)) }
    report(await measure({ network, copies: true }))
  })
  console.log('\nTo ten hosts; the first sends to itself and the others.\n')
  await onNetwork(RECEIVERS, async (network) => {
    report(await measure({ network, sends: true }))
  })
}

async function onNetwork(hosts, run) {
  const network = makeNetwork(hosts)
  try {
    await run(network)
  } finally {
    network.remove()
  }
}

/** The last of the machines that it starts receive. `copies`: as deploy does by default; `sends`: to each by itself. */
async function measure({ network, copies = false, sends = false, tls = false }) {
  const fleet = await startFleet(network?.hosts.length ?? RECEIVERS, { network })
  const daemons = fleet.statuses.map(({ pid }) => pid)
  const times = { copied: [], copiedRunning: [], placed: [], running: [], rsync: [], tls: [] }
  const measured = async (run) => {
    touchMemory(fleet.base, WRITTEN_BYTES)
    return run()
  }
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
      const deployed = (...flags) => measured(() => deployAll(fleet, bundle, daemons, flags))
      if (sends) {
        times.placed.push(await deployed('--no-wait', SEND))
        times.running.push(await deployed(SEND))
      }
      if (copies) {
        times.copied.push(await deployed('--no-wait'))
        times.copiedRunning.push(await deployed())
      }
      if (sshd !== undefined)
        times.rsync.push(
          await measured(() => timedCpu(sshd.pids, () => sshd.copyToAll(bundle, RECEIVERS))),
        )
      if (tls) {
        const { value, cpu } = await measured(() =>
          timedCpu([], () => sendToAll(bundle, RECEIVERS, fleet.base)),
        )
        times.tls.push({ ms: value, cpu })
      }
      rmSync(bundle)
    }
  } finally {
    sshd?.stop()
    await fleet.stop()
  }
  return times
}

/** From the command to its end; checks that everything came, and removes it. */
async function deployAll(fleet, bundle, daemons, flags) {
  const sizeBytes = statSync(bundle).size
  const receivers = fleet.homes.slice(-RECEIVERS)
  const nodes = receivers.map((home) => basename(home)).join(',')
  const { ms, cpu, value } = await timedCpu(daemons, () =>
    json(fleet.first, ['deploy', bundle, '--timeout', '5m', '--nodes', nodes, ...flags]),
  )
  const good = value.filter(({ phase, reusedBytes }) => phase === 'done' && reusedBytes === 0)
  if (good.length !== RECEIVERS) throw new Error(JSON.stringify(value, null, 2))
  for (const home of receivers) {
    const stored = readdirSync(join(home, 'packages')).map((name) => join(home, 'packages', name))
    if (!stored.some((path) => statSync(path).size === sizeBytes))
      throw new Error(`${home} lacks it`)
  }
  await json(fleet.first, ['app', 'remove', APP])
  return { ms, cpu }
}

function report({ copied, copiedRunning, placed, running, rsync, tls }) {
  const msOf = (runs) => median(runs.map(({ ms }) => ms))
  const cpuOf = (runs) => median(runs.map(({ cpu }) => cpu))
  const base = rsync.length > 0 ? rsync : tls
  const row = (what, runs) =>
    runs.length === 0
      ? []
      : [
          [
            what,
            seconds(msOf(runs)),
            runs.map(({ ms }) => (ms / 1000).toFixed(2)).join(', '),
            (msOf(runs) / msOf(base)).toFixed(2),
            `${cpuOf(runs).toFixed(2)} s`,
            (cpuOf(runs) / cpuOf(base)).toFixed(2),
          ],
        ]
  const against = rsync.length > 0 ? 'against rsync' : 'against TLS'
  printTable(
    ['', 'median', 'runs, s', against, 'CPU', against],
    [
      ...row(`\`deploy --no-wait\`: command typed → ${PLACED}`, copied),
      ...row('`deploy`: … and every app has run for half a second', copiedRunning),
      ...row(`\`deploy ${SEND} --no-wait\`: … → received, ${PLACED}`, placed),
      ...row(`\`deploy ${SEND}\`: … and every app has run for half a second`, running),
      ...row('rsync over ssh, 10 at once', rsync),
      ...row('plain Node TLS 1.3, one sender, ten receivers that hash and write', tls),
    ],
  )
}
