import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExitStatus, RuntimeSupport } from '@p2p-playground/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { treeOf } from './cgroup-files.js'
import { readHierarchies } from './hierarchies.js'

const PLUGIN = join(import.meta.dirname, '../dist/cgroups-runtime.js')
const NOBODY = 65_534
const hierarchy = readHierarchies().find(({ version }) => version === 2)
const why = whyNot()
if (why !== undefined) process.stderr.write(`a delegated cgroup is not tested here: ${why}\n`)

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can delegate one'
  if (hierarchy === undefined || !existsSync(join(hierarchy.top, 'memory.stat')))
    return 'cgroup v2 has no controllers'
  const asNobody = { uid: NOBODY, gid: NOBODY }
  const code = `import(${JSON.stringify(PLUGIN)})`
  const { status } = spawnSync(process.execPath, ['-e', code], asNobody)
  return status === 0 ? undefined : 'this checkout is closed to other users'
}

/** What a daemon does: it starts a program within a limit of memory, and says how that ended. */
const DAEMON = `
import { readFileSync } from 'node:fs'
import { CgroupsRuntime } from ${JSON.stringify(PLUGIN)}
const [dir, program] = process.argv.slice(1)
const clock = { monotonic: () => performance.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }
const runtime = new CgroupsRuntime({ dataDir: dir, clock })
const support = await runtime.support()
const signal = new AbortController().signal
const handle = await runtime.start({
  instance: 'app@1.0.0', command: [program], workDir: dir, rootDir: dir, hiddenDirs: [],
  env: { PATH: '/usr/bin:/bin' }, stdoutPath: dir + '/stdout', stderrPath: dir + '/stderr', runDir: dir + '/run',
  limits: { memoryBytes: 64 * 1024 ** 2, cpuCores: 1, pids: 50 }, sandbox: 'off',
}, () => undefined, signal)
const exit = await runtime.wait(handle, signal)
await runtime.close()
console.log(JSON.stringify({ support, exit, place: handle.data.place.all, own: readFileSync('/proc/self/cgroup', 'utf8') }))
`

interface Told {
  readonly support: RuntimeSupport
  readonly exit: ExitStatus
  readonly place: string
  readonly own: string
}

describe.skipIf(why !== undefined)('a daemon without root in a delegated cgroup', () => {
  let dir: string
  let cgroup: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-delegated-'))
    mkdirSync(join(dir, 'run'))
    writeFileSync(
      join(dir, 'app'),
      '#!/bin/sh\nexec dd if=/dev/zero of=/dev/null bs=200000000 count=1\n',
    )
    chmodSync(join(dir, 'app'), 0o755)
    for (const path of [dir, join(dir, 'run')]) chownSync(path, NOBODY, NOBODY)
    const { top = '' } = hierarchy ?? {}
    writeFileSync(join(top, 'cgroup.subtree_control'), '+cpu +memory +pids')
    cgroup = join(top, `p2pp-test-${String(process.pid)}`)
    mkdirSync(cgroup)
    // What systemd does for Delegate=yes and User=.
    for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
      chownSync(join(cgroup, name), NOBODY, NOBODY)
  })

  afterEach(async () => {
    for (const one of treeOf(cgroup)) await rmdir(one)
    rmSync(dir, { recursive: true, force: true })
  })

  /** As a service manager starts it: in that cgroup, and then as that user. */
  function runDaemon(place: string): Told {
    const enter = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"'
    const user = ['setpriv', `--reuid=${String(NOBODY)}`, `--regid=${String(NOBODY)}`]
    const node = [process.execPath, '--input-type=module', '-e', DAEMON, dir, join(dir, 'app')]
    const args = ['-c', enter, 'sh', place, ...user, '--clear-groups', ...node]
    const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as Told
  }

  it('moves into a leaf, and keeps its programs to their limits', () => {
    const told = runDaemon(cgroup)
    const enforced = { enforced: true, by: 'cgroup v2' }
    expect(told.support).toMatchObject({ cpu: enforced, memory: enforced, pids: enforced })
    expect(told.exit).toEqual({ kind: 'oom', limitBytes: 64 * 1024 ** 2 })
    expect(told.place.startsWith(`${cgroup}/`)).toBe(true)
    expect(told.own.trim().endsWith('/daemon')).toBe(true)
  })

  it('stays where it is when more than its own cgroup was delegated', () => {
    const service = join(cgroup, 'some.service')
    mkdirSync(service)
    for (const name of ['', 'cgroup.procs']) chownSync(join(service, name), NOBODY, NOBODY)
    const told = runDaemon(service)
    expect(told.exit).toMatchObject({ kind: 'oom' })
    expect(told.place.startsWith(`${cgroup}/p2p-playground/`)).toBe(true)
    expect(told.own.trim().endsWith('/some.service')).toBe(true)
  })

  it('says why it cannot when the cgroup is not its own', () => {
    for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control'])
      chownSync(join(cgroup, name), 0, 0)
    const { support, exit } = runDaemon(cgroup)
    const why = `the cgroup ${cgroup} is not delegated to this user (systemd: Delegate=yes)`
    expect(support.memory).toEqual({ enforced: false, why })
    expect(exit).toEqual({ kind: 'exited', code: 0 })
  })
})
