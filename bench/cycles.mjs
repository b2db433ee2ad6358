// (e) What a thousand starts and stops leave behind in the daemon.
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { mib, millis, printTable } from './figures.mjs'
import { cli, packApp, startFleet } from './fleet.mjs'
import { openControl } from './in-process.mjs'

const CYCLES = 1000
/** By then the daemon has given back what it does not need. */
const QUIET_MS = 5000

export async function cycles() {
  console.log(`\n## (e) ${CYCLES} starts and stops of an app\n`)
  const fleet = await startFleet(1)
  const { pid } = fleet.statuses[0]
  const control = await openControl(fleet.first)
  try {
    const script = '#!/bin/sh\nexec sleep 3600\n'
    await cli(fleet.first, [
      'deploy',
      await packApp(fleet, { name: 'small', version: '1.0.0', script }),
    ])
    await delay(QUIET_MS)
    const before = look(pid)
    const begun = performance.now()
    await repeat(control, CYCLES)
    const eachMs = (performance.now() - begun) / CYCLES
    await delay(QUIET_MS)
    const after = look(pid)
    const row = (name, key, show) => [
      name,
      show(before[key]),
      show(after[key]),
      (after[key] / before[key]).toFixed(2),
    ]
    printTable(
      ['', 'before', 'after', 'ratio'],
      [
        row('open descriptors of the daemon', 'descriptors', String),
        row('processes of the app', 'processes', String),
        row('private memory of the daemon', 'privateBytes', mib),
      ],
    )
    console.log(`\nOne stop and start: ${millis(eachMs)}`)
  } finally {
    await control.close()
    await fleet.stop()
  }
}

async function repeat(control, times) {
  for (let time = 0; time < times; time += 1) {
    for (const action of ['stop', 'start']) {
      const { failures } = await control.changeApp(
        { action, app: 'small', target: {} },
        AbortSignal.timeout(30_000),
      )
      if (failures.length > 0) throw new Error(failures[0].message)
    }
  }
}

function look(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kib = (name) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    processes: processesOf('P2P_PLAYGROUND_APP=small'),
    privateBytes: (kib('Private_Clean') + kib('Private_Dirty')) * 1024,
  }
}

/** Live processes with that in their environment. */
function processesOf(mark) {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark)
    } catch {
      // It is gone.
      return false
    }
  }).length
}
