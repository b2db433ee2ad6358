import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kill } from './processes.js'
import { emptyDirs, whyNoUml } from './uml.js'

const SYSTEMD = '/lib/systemd/systemd'
const LIMIT_MS = 420_000

/** Why this machine cannot boot a guest with systemd; undefined when it can. */
export function whyNoGuest(): string | undefined {
  if (process.getuid?.() !== 0) return 'the files of the guest need root'
  if (!existsSync(SYSTEMD)) return 'there is no systemd (Debian package systemd)'
  return whyNoUml()
}

/**
 * Boots User-Mode Linux over the files of this machine, read-only, with systemd as its first process and cgroup v2, runs a
 * script there as a service of its own, and powers off. What `fill` puts into the directory that both share is below /mnt
 * there. Gives everything that the script printed.
 */
export async function runUnderSystemd(
  dir: string,
  script: string,
  fill: (shared: string) => void,
): Promise<string> {
  const shared = join(dir, 'guest')
  mkdirSync(shared)
  fill(shared)
  const init = join(dir, 'guest-init')
  writeFileSync(init, initScript(shared), { mode: 0o755 })
  writeFileSync(join(shared, 'script'), script)
  writeFileSync(join(shared, 'log'), '')
  const boot = ['mem=1536M', 'rootfstype=hostfs', 'rootflags=/', 'root=/dev/root', 'ro', 'quiet']
  const rest = [`init=${init}`, 'con=null', 'con0=null,fd:2', 'cgroup_no_v1=all']
  const guest = spawn('linux.uml', [...boot, ...rest], { stdio: 'ignore', detached: true })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  guest.once('error', reject)
  guest.once('close', () => {
    resolve(undefined)
  })
  const tooLate = setTimeout(() => {
    if (guest.pid !== undefined) kill(-guest.pid)
  }, LIMIT_MS)
  await promise
  clearTimeout(tooLate)
  return readFileSync(join(shared, 'log'), 'utf8')
}

/** What must be there before systemd begins: places that can be written to, and the script as what it starts. */
function initScript(shared: string): string {
  return `#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
${emptyDirs(['/tmp', '/etc/systemd/system', '/var/log'])}
mount -t cgroup2 none /sys/fs/cgroup
mount -t hostfs none /mnt -o '${shared}'
ip link set lo up
mkdir -p /run/systemd/system
cat >/run/systemd/system/script.target <<END
[Unit]
Requires=script.service
After=script.service
END
cat >/run/systemd/system/script.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh /mnt/script
StandardOutput=append:/mnt/log
StandardError=append:/mnt/log
ExecStopPost=/bin/sh -c 'sync; echo o >/proc/sysrq-trigger'
END
exec ${SYSTEMD} --unit=script.target --show-status=no
`
}
