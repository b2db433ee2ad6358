import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ROOT } from '../repository/tracked-files.js'

/** The kernel of User-Mode Linux: a whole Linux as one process (Debian package user-mode-linux). */
const KERNEL = 'linux.uml'

/** Why no guest can be started here; undefined when it can. */
export function whyNoUml(): string | undefined {
  if (spawnSync('which', [KERNEL]).status !== 0)
    return `there is no ${KERNEL} (Debian package user-mode-linux)`
  // It dies with its first process: it has no room for so many registers.
  const hasAmx = /\bamx_tile\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  return hasAmx ? `${KERNEL} does not run on a processor with AMX` : undefined
}

export interface GuestResult {
  /** Exit code of the command; undefined when the guest did not get so far. */
  readonly code: number | undefined
  readonly output: string
}

/**
 * Runs a command, with this checkout as its directory, as root of a guest that has all controllers in cgroup v2. The guest
 * sees this machine's files and cannot write them; /tmp and /run are its own.
 */
export async function runInUml(
  command: readonly string[],
  options: { readonly memoryMb: number; readonly limitMs: number },
): Promise<GuestResult> {
  const base = mkdtempSync(join(tmpdir(), 'p2p-playground-uml-'))
  const out = join(base, 'out')
  const init = join(base, 'init')
  mkdirSync(out)
  writeFileSync(init, initScript(out, command), { mode: 0o755 })
  try {
    const kernel = [
      ...[`mem=${String(options.memoryMb)}M`, 'rootfstype=hostfs', 'rootflags=/', 'root=/dev/root'],
      ...['ro', `init=${init}`, 'con=null', 'con0=null,fd:2', 'cgroup_no_v1=all', 'quiet'],
    ]
    // Its memory is a file in TMPDIR, /dev/shm unless that is too small.
    const child = spawn(KERNEL, kernel, {
      stdio: 'ignore',
      detached: true,
      timeout: options.limitMs,
      killSignal: 'SIGKILL',
    })
    const ended = Promise.withResolvers<unknown>()
    child.once('error', ended.reject)
    child.once('close', ended.resolve)
    await ended.promise
    const read = (name: string): string | undefined =>
      existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : undefined
    const code = read('code')
    return { code: code === undefined ? undefined : Number(code), output: read('output') ?? '' }
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

/**
 * Shell lines that give a guest empty directories of its own in the place of these and of /run, and leave the checkout where
 * it is, also below one of them.
 */
export function emptyDirs(dirs: readonly string[]): string {
  const root = quote(ROOT)
  return [
    'mount -t tmpfs tmp /run',
    'mkdir /run/checkout',
    `mount --bind ${root} /run/checkout`,
    ...dirs.map((dir) => `mount -t tmpfs tmp ${dir}`),
    `[ -d ${root} ] || { mkdir -p ${root} && mount --bind /run/checkout ${root}; }`,
  ].join('\n')
}

/** The guest's first process. */
function initScript(out: string, command: readonly string[]): string {
  const path = [join(ROOT, 'node_modules/.bin'), dirname(process.execPath), '/usr/sbin', '/usr/bin']
  return `#!/bin/sh
export PATH=${quote([...path, '/sbin', '/bin'].join(delimiter))} HOME=/run TMPDIR=/tmp NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
${emptyDirs(['/dev/shm', '/tmp'])}
mount -t cgroup2 none /sys/fs/cgroup
mount -t hostfs none /mnt -o ${quote(out)}
ip link set lo up
cd ${quote(ROOT)}
${command.map(quote).join(' ')} >/mnt/output 2>&1
echo $? >/mnt/code
# Off, at once.
echo o >/proc/sysrq-trigger
sleep 60
`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
