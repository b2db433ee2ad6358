import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunHandle, RunSpec } from '@p2p-playground/core'
import { processesWith, waitFor } from '@p2p-playground/testkit'
import { runtimeContract, shellPrograms } from '@p2p-playground/testkit/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProcessRuntime } from '../process-runtime.js'
import { Unconfined } from '../unconfined.js'
import { Bubblewrap, bubblewrap, bubblewrapArgs } from './bubblewrap.js'

const forever = new AbortController().signal
const confinement = new Unconfined('this is a test')
const make = (sandbox = bubblewrap): ProcessRuntime =>
  new ProcessRuntime({ name: 'test', confinement, sandbox })
const support = await bubblewrap.support()
const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('files outside of /tmp are not hidden here: this needs root\n')
if (!support.enforced) process.stderr.write(`sandboxes are not tested here: ${support.why}\n`)

let dir: string
let runtime: ProcessRuntime
let handles: RunHandle[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-sandbox-'))
  for (const name of ['run', 'files', 'secret']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'secret', 'key'), 'private')
  runtime = make()
  handles = []
})

afterEach(async () => {
  for (const handle of handles) await runtime.stop(handle, 0)
  rmSync(dir, { recursive: true, force: true })
})

const read = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : ''

async function start(
  body: string,
  patch: Partial<RunSpec> = {},
  signal = forever,
): Promise<RunHandle> {
  const files = join(dir, 'files')
  writeFileSync(join(files, 'app'), `#!/bin/sh\n${body}\n`)
  chmodSync(join(files, 'app'), 0o755)
  const spec: RunSpec = {
    instance: 'app@1.0.0',
    command: [join(files, 'app')],
    workDir: files,
    rootDir: files,
    hiddenDirs: [dir],
    env: { PATH: '/usr/bin:/bin' },
    stdoutPath: join(dir, 'stdout'),
    stderrPath: join(dir, 'stderr'),
    runDir: join(dir, 'run'),
    limits: {},
    sandbox: 'required',
    ...patch,
  }
  const handle = await runtime.start(spec, () => undefined, signal)
  handles.push(handle)
  return handle
}

/** Runs it to its end; gives what it wrote. */
async function output(body: string): Promise<string> {
  await runtime.wait(await start(`exec 2>&1\n${body}`), forever)
  return read('stdout')
}

if (support.enforced) {
  runtimeContract('a runtime whose programs are in a sandbox', {
    create: make,
    ...shellPrograms,
    spec: { sandbox: 'required' },
  })
}

describe.skipIf(!support.enforced)('a sandbox', () => {
  it.each([
    ['write to the system', 'touch /etc/p2p-playground-test', /Read-only file system/],
    ['mount', 'mount -t tmpfs none /mnt', /denied|superuser|permitted/],
    ['make namespaces', 'unshare -U true', /Operation not permitted/],
    [
      'trace',
      `perl -e '$! = 0; syscall(${process.arch === 'arm64' ? '117' : '101'}, 0, 0, 0, 0); print "$!\\n"'`,
      /Operation not permitted/,
    ],
    [
      'change the kernel',
      'cat /proc/sys/kernel/domainname >/proc/sys/kernel/domainname',
      /Read-only file system|denied/,
    ],
    ['keep anything in /run', 'touch /run/x', /Read-only file system|denied/],
    ['see people’s homes', 'ls -A /root /home | grep -v : | wc -w', /^0$/m],
  ])('does not let a program %s', async (_name, body, message) => {
    expect(await output(body)).toMatch(message)
  })

  it('hides the daemon and other apps', async () => {
    expect(await output(`cat ${dir}/secret/key; ls ${dir}`)).toMatch(/No such file[^]*files\n$/)
  })

  it.skipIf(!isRoot)(
    'hides single files, also by their real names, and nothing beside them',
    async () => {
      // Not below /tmp, which is hidden as a whole.
      const config = mkdtempSync('/opt/p2pp-sandbox-')
      try {
        for (const name of ['daemon.yaml', 'real.key', 'open']) {
          writeFileSync(join(config, name), `in ${name}\n`, {
            mode: name === 'open' ? 0o644 : 0o600,
          })
        }
        mkdirSync(join(config, 'closed'))
        writeFileSync(join(config, 'closed', 'key'), 'in closed\n')
        symlinkSync(join(config, 'real.key'), join(config, 'swarm.key'))
        symlinkSync(join(config, 'closed'), join(config, 'link'))
        const patch = {
          hiddenFiles: ['daemon.yaml', 'swarm.key', 'gone'].map((name) => join(config, name)),
          hiddenDirs: [dir, join(config, 'link')],
        }
        const names = '*.yaml *.key open closed/key link/key'
        const body = `exec 2>&1\ncd ${config}; for name in ${names}; do cat $name; done; rm -f *.key`
        await runtime.wait(await start(body, patch), forever)
        expect(read('stdout').match(/in [a-z.]+/g)).toEqual(['in open'])
        expect(readFileSync(join(config, 'real.key'), 'utf8')).toBe('in real.key\n')
      } finally {
        rmSync(config, { recursive: true, force: true })
      }
    },
  )

  it('has a /tmp of its own, and keeps what is written beside the program', async () => {
    const name = dir.split('/').at(-1) ?? ''
    await output('echo kept >kept; echo gone >/tmp/gone && cat /tmp/gone')
    expect(read('stdout')).toBe('gone\n')
    expect(read('files/kept')).toBe('kept\n')
    expect(existsSync('/tmp/gone')).toBe(false)
    expect(name).not.toBe('')
  })

  it('shows no process but its own', async () => {
    const pids = (await output("ls /proc | grep '^[0-9]' | sort -n")).trim().split('\n').map(Number)
    expect(pids.slice(0, 2)).toEqual([1, 2])
    expect(Math.max(...pids)).toBeLessThan(20)
  })

  it('has no capabilities and gets no new privileges', async () => {
    const status = await output('grep -E "CapEff|CapPrm|NoNewPrivs|Seccomp:" /proc/self/status')
    expect(status).toMatch(/CapPrm:\s0+\n/)
    expect(status).toMatch(/CapEff:\s0+\n/)
    expect(status).toMatch(/NoNewPrivs:\s1/)
    expect(status).toMatch(/Seccomp:\s2/)
  })

  it('lets the log be opened by name', async () => {
    expect(await output('echo first; echo second >>/dev/stdout')).toBe('first\nsecond\n')
  })

  it("gives the program's own pid, and counts only its processes", async () => {
    const handle = await start('exec sleep 1000')
    const isSleep = (): boolean =>
      readFileSync(`/proc/${String(handle.pid)}/comm`, 'latin1') === 'sleep\n'
    await waitFor('exec', isSleep)
    expect((await runtime.usage(handle)).processes).toBe(1)
  })

  it('lets a program end by itself at SIGTERM, and knows its code', async () => {
    const handle = await start('trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done')
    await waitFor('the trap', () => read('stdout') === 'ready\n')
    expect(await runtime.stop(handle, 5000)).toEqual({ kind: 'exited', code: 5 })
  })

  it('leaves nothing of a program that forks twice, begins sessions and forgets its environment', async () => {
    const mark = `93${String(process.pid)}`
    const handle = await start(
      `(setsid env -i /usr/bin/setsid /bin/sleep ${mark} &); exec sleep ${mark}`,
    )
    await waitFor('the grandchild', () => processesWith(`sleep ${mark}`).length >= 2)
    await runtime.stop(handle, 1000)
    expect(processesWith(mark)).toEqual([])
  })

  it('ends with its program', async () => {
    const mark = `92${String(process.pid)}`
    const handle = await start(`setsid sleep ${mark} & exit 3`)
    expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 3 })
    expect(processesWith(mark)).toEqual([])
    expect(processesWith(dir)).toEqual([])
  })

  it('tells why bubblewrap refused', async () => {
    const broken = new Bubblewrap()
    await broken.support()
    broken.command = () => ['/bin/sh', '-c', 'echo "bwrap: no such option" >&2; exit 1']
    runtime = make(broken)
    await expect(start('exit 0')).rejects.toMatchObject({
      code: 'RUNTIME_SPAWN',
      message: expect.stringContaining('bwrap: no such option') as string,
    })
  })
})

it('a start that is not waited for any more ends, with all that it began', async () => {
  const stuck = new Bubblewrap()
  stuck.support = async () => Promise.resolve({ enforced: true, by: 'nobody' })
  const mark = String(60_000 + process.pid)
  stuck.command = () => ['/bin/sh', '-c', `sleep ${mark}; exit 1`]
  runtime = make(stuck)
  const patience = new AbortController()
  const end = expect(start('exit 0', {}, patience.signal)).rejects.toThrow('nobody waits')
  await waitFor('the stuck program', () => processesWith(`sleep ${mark}`).length >= 2)
  patience.abort(new Error('nobody waits'))
  await end
  await waitFor('its end', () => processesWith(mark).length === 0)
  expect(processesWith(dir)).toEqual([])
})

describe('without bubblewrap', () => {
  const none = new Bubblewrap('/no/such/directory')

  it('says so', async () => {
    expect((await make(none).support()).sandbox).toEqual({
      enforced: false,
      why: 'there is no bwrap (Debian package bubblewrap)',
    })
  })

  it('refuses a program that must have a sandbox', async () => {
    runtime = make(none)
    await expect(start('exit 0')).rejects.toMatchObject({
      code: 'RUNTIME_SANDBOX',
      message: expect.stringContaining('there is no bwrap') as string,
    })
  })

  it('runs a program that would rather have one', async () => {
    runtime = make(none)
    const handle = await start('exit 4', { sandbox: 'auto' })
    expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 4 })
  })
})

it('binds the files of the program last, so that nothing covers them', () => {
  const args = bubblewrapArgs({
    rootDir: '/tmp/x/files',
    workDir: '/tmp/x/files',
    hiddenDirs: ['/tmp'],
    hiddenFiles: [],
    changesUser: false,
  })
  expect(args.lastIndexOf('--tmpfs')).toBeLessThan(args.indexOf('--bind'))
})
