// (b) From the last byte received to the program running: verification, unpacking, sync to disk, start.
import { median, millis, percentile, printTable } from './figures.mjs'
import { cli, packApp, startFleet } from './fleet.mjs'
import { openControl } from './in-process.mjs'

const RUNS = 20

export async function startLatency() {
  console.log('\n## (b) Received → started, a small app\n')
  const fleet = await startFleet(1)
  const times = []
  try {
    for (let run = 0; run < RUNS; run += 1) {
      const script = '#!/bin/sh\nexec sleep 3600\n'
      const bundle = await packApp(fleet, { name: 'small', version: `1.0.${run}`, script })
      times.push(await deployOnce(fleet, bundle))
    }
    await cli(fleet.first, ['app', 'remove', 'small'])
  } finally {
    await fleet.stop()
  }
  printTable(
    ['', 'p50', 'p99', 'p99 against the 5 s that are promised'],
    [
      [
        'last byte received → process runs',
        millis(median(times)),
        millis(percentile(times, 99)),
        (percentile(times, 99) / 5000).toFixed(4),
      ],
    ],
  )
}

/** Milliseconds between the deployment's phase `verify` and the event `started`, both by this machine's clock. */
async function deployOnce(fleet, bundle) {
  const received = await receivedAt(fleet, bundle)
  const events = (await cli(fleet.first, ['events', '--json', '--tail', '5'])).trim().split('\n')
  const started = events.map((line) => JSON.parse(line)).findLast(({ type }) => type === 'started')
  return started.timeMs - received
}

async function receivedAt(fleet, bundle) {
  const control = await openControl(fleet.first)
  const request = {
    packagePath: bundle,
    target: {},
    wait: true,
    timeoutMs: 60_000,
    allowDowngrade: false,
  }
  let received
  try {
    for await (const { phase, failure } of control.deploy(request, AbortSignal.timeout(60_000))) {
      if (phase === 'verify') received ??= Date.now()
      if (failure !== null) throw new Error(failure.message)
    }
  } finally {
    await control.close()
  }
  return received
}
