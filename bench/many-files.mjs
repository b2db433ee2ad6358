// (f) An application of many small files: deployed to one node, beside tar.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { median, printTable, seconds, timed } from './figures.mjs'
import { json, packApp, startFleet, touchMemory } from './fleet.mjs'

const FILES = 5000
const FILE_BYTES = 15_000
const RUNS = 5

export async function manyFiles() {
  console.log(`\n## (f) ${FILES} files of ${FILE_BYTES / 1000} kB to one node\n`)
  const fleet = await startFleet(1)
  // Removed at the very end: for some seconds ext4 is slow to make files where others were deleted.
  const times = { deploy: [], tar: [], tarSync: [] }
  try {
    for (let run = 0; run < RUNS; run += 1) {
      const bundle = await packApp(fleet, {
        name: `files-${run}`,
        version: '1.0.0',
        script: '#!/bin/sh\nexec sleep 3600\n',
        files: Object.fromEntries(
          Array.from({ length: FILES }, (_, index) => [nameOf(index), randomBytes(FILE_BYTES)]),
        ),
      })
      const measured = async (what) => {
        touchMemory(fleet.base, 3 * FILES * FILE_BYTES)
        return (await timed(what)).ms
      }
      times.tar.push(await measured(() => untar(bundle, 'true')))
      times.tarSync.push(await measured(() => untar(bundle, 'find . -exec sync {} +')))
      times.deploy.push(await measured(() => json(fleet.first, ['deploy', bundle, '--no-wait'])))
    }
  } finally {
    await fleet.stop()
  }
  const row = (what, runs) => [
    what,
    seconds(median(runs)),
    runs.map((ms) => (ms / 1000).toFixed(2)).join(', '),
    (median(runs) / median(times.tarSync)).toFixed(2),
  ]
  printTable(
    ['', 'median', 'runs, s', 'against tar and sync'],
    [
      row('`deploy --no-wait`: command typed → verified, unpacked, each file synced', times.deploy),
      row('`tar -xz`, then each file synced', times.tarSync),
      row('`tar -xz` alone', times.tar),
    ],
  )
}

/** In directories, as packages of Node are. */
function nameOf(index) {
  return `lib/${Math.floor(index / 50)}/${index}.js`
}

/** What tar makes of the application's archive, and `sync` of that. */
function untar(bundle, sync) {
  const script = 'tar -xOf "$1" app.tar.gz | tar -xz -C "$2" && cd "$2" && '
  const args = ['-c', script + sync, 'sh', bundle, mkdtempSync(`${bundle}-`)]
  const { status, stderr } = spawnSync('sh', args)
  if (status !== 0) throw new Error(`tar: ${stderr}`)
}
