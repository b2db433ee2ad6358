// (c) From a line written by an app to the line shown by `logs --follow` on another node.
import { median, millis, percentile, printTable } from './figures.mjs'
import { cli, packApp, spawnCli, startFleet } from './fleet.mjs'

const LINES = 1000
const PAUSE_MS = 10

export async function logLatency() {
  console.log(
    `\n## (c) Line written → shown by \`logs --follow\` on another node, ${LINES} lines\n`,
  )
  const fleet = await startFleet(2)
  try {
    const bundle = await packApp(fleet, { name: 'clock', version: '1.0.0', script: clockApp() })
    await cli(fleet.first, ['deploy', bundle, '--node', 'node-2'])
    const times = await follow(fleet)
    printTable(
      ['', 'p50', 'p99', 'worst', 'p99 against the second that is promised'],
      [
        [
          'written → shown',
          millis(median(times)),
          millis(percentile(times, 99)),
          millis(Math.max(...times)),
          (percentile(times, 99) / 1000).toFixed(4),
        ],
      ],
    )
  } finally {
    await fleet.stop()
  }
}

/** Writes the time in nanoseconds of the machine's monotonic clock, which all its processes share. */
function clockApp() {
  const tick = `setInterval(() => console.log('@' + process.hrtime.bigint() + '@'), ${PAUSE_MS})`
  return `#!/bin/sh\nexec ${process.execPath} -e "${tick}"\n`
}

function follow(fleet) {
  const child = spawnCli(fleet.first, ['logs', 'clock', '--follow', '--tail', '0'])
  const times = []
  let text = ''
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      const now = process.hrtime.bigint()
      text += chunk
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) {
        const written = /@(\d+)@/.exec(line)?.[1]
        if (written !== undefined) times.push(Number(now - BigInt(written)) / 1e6)
      }
      if (times.length >= LINES) child.kill('SIGINT')
    })
    child.stderr.pipe(process.stderr)
    child.on('close', (code) => {
      if (times.length >= LINES) resolve(times.slice(0, LINES))
      else reject(new Error(`logs --follow ended with ${code} after ${times.length} lines`))
    })
  })
}
