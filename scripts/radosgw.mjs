// Brings Ceph's S3 gateway for the tests of plugins/logs-s3: the packages of the distribution, unpacked below node_modules
// and not installed, so that no service, user or configuration comes with them. `node scripts/radosgw.mjs` does it alone.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT, step } from './steps.mjs'

const PACKAGES = ['radosgw', 'ceph-mon', 'ceph-osd']

/** test/harness/radosgw.ts looks here too. */
const RADOSGW_ROOT = join(ROOT, 'node_modules', '.cache', 'radosgw')

/** Downloads and unpacks it (66 MB, 257 MB unpacked), unless it is there; says so where it cannot be had. */
export async function ensureRadosgw() {
  const marker = join(RADOSGW_ROOT, 'complete')
  if (existsSync(marker)) return
  if (spawnSync('which', ['apt-get', 'dpkg']).status !== 0) return tell('there is no apt-get here')
  if (process.getuid() === 0) await step('look up packages', 'apt-get', ['update', '-q'], SOFT)
  const wanted = missingPackages()
  if (wanted.length === 0) return tell('apt-get does not know the packages')
  rmSync(RADOSGW_ROOT, { recursive: true, force: true })
  const debs = join(RADOSGW_ROOT, 'debs')
  mkdirSync(debs, { recursive: true })
  // Without a sandbox: its user _apt may not write here.
  const args = ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...wanted]
  if (!(await step('download radosgw', 'apt-get', args, { ...SOFT, cwd: debs })))
    return tell('the download failed')
  for (const name of readdirSync(debs)) {
    const { status, stderr } = spawnSync('dpkg', ['-x', join(debs, name), RADOSGW_ROOT])
    if (status !== 0) return tell(`${name} cannot be unpacked: ${stderr.toString()}`)
  }
  rmSync(debs, { recursive: true })
  writeFileSync(marker, '')
}

const SOFT = { goOn: true }

/** What apt-get would install: the packages, and what they need and the machine has not. */
function missingPackages() {
  const args = ['install', '-s', '--no-install-recommends', '--reinstall', ...PACKAGES]
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' })
  return [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1])
}

function tell(why) {
  console.log(`radosgw: ${why}; tests that need it will be skipped`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await ensureRadosgw()
