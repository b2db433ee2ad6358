// (e) What starts and stops leave behind in the daemon: the first hundred, and thousands after them.
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { mib, millis, printTable } from './figures.mjs'
import { cli, packApp, startFleet } from './fleet.mjs'
import { openControl } from './in-process.mjs'

/** How many there were at each look. What the first ones load and compile stays; what grows with those after them is a leak. */
const LOOKS = [0, 100, 1000, 3000]
/** By then the daemon has given back what it does not need. */
const QUIET_MS = 5000

export async function cycles() {
  console.log(`\n## (e) ${LOOKS.at(-1)} starts and stops of an app\n`)
  const fleet = await startFleet(1)
  const { pid } = fleet.statuses[0]
  const control = await openControl(fleet.first)
  try {
    const script = '#!/bin/sh\nexec sleep 3600\n'
    await cli(fleet.first, [
      'deploy',
      await packApp(fleet, { name: 'small', version: '1.0.0', script }),
    ])
    const seen = []
    let done = 0
    let busyMs = 0
    for (const cycles of LOOKS) {
      const begun = performance.now()
      await repeat(control, cycles - done)
      busyMs += performance.now() - begun
      done = cycles
      await delay(QUIET_MS)
      seen.push(look(pid))
    }
    const [, warm] = seen
    const row = (name, key, show) => [
      name,
      ...seen.map((one) => show(one[key])),
      (seen.at(-1)[key] / warm[key]).toFixed(2),
    ]
    printTable(
      ['', ...LOOKS.map((cycles) => `after ${cycles}`), `${LOOKS.at(-1)} against ${LOOKS[1]}`],
      [
        row('open descriptors of the daemon', 'descriptors', String),
        row('processes of the app', 'processes', String),
        row('private memory of the daemon', 'privateBytes', mib),
      ],
    )
    console.log(`\nOne stop and start: ${millis(busyMs / done)}`)
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
