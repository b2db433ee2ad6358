import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunHandle, RunSpec } from '@p2p-playground/core'
import { processesWith, waitFor } from '@p2p-playground/testkit'
import { runtimeContract, shellPrograms } from '@p2p-playground/testkit/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeExit } from './exit-record.js'
import { ProcessRuntime } from './process-runtime.js'
import { Unconfined } from './unconfined.js'

const make = (): ProcessRuntime =>
  new ProcessRuntime({ name: 'test', confinement: new Unconfined('this is a test') })

function script(dir: string, name: string, body: string): string {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

runtimeContract('ProcessRuntime', {
  create: make,
  ...shellPrograms,
})

const forever = new AbortController().signal
const runtime = make()
let dir: string
let handles: RunHandle[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-process-'))
  mkdirSync(join(dir, 'run'))
  handles = []
})

afterEach(async () => {
  for (const handle of handles) await runtime.stop(handle, 0)
  rmSync(dir, { recursive: true, force: true })
})

async function start(body: string, patch: Partial<RunSpec> = {}): Promise<RunHandle> {
  const handle = await runtime.start(
    specOf([script(dir, 'app', body)], patch),
    () => undefined,
    forever,
  )
  handles.push(handle)
  return handle
}

function specOf(command: RunSpec['command'], patch: Partial<RunSpec> = {}): RunSpec {
  return {
    instance: 'app@1.0.0',
    command,
    workDir: dir,
    env: { PATH: '/usr/bin:/bin' },
    stdoutPath: join(dir, 'stdout'),
    stderrPath: join(dir, 'stderr'),
    runDir: join(dir, 'run'),
    rootDir: dir,
    hiddenDirs: [],
    limits: {},
    sandbox: 'off',
    ...patch,
  }
}

const read = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : ''

describe('ProcessRuntime', () => {
  it("gives the program's own pid", async () => {
    const handle = await start('exec sleep 1000')
    const comm = await waitFor(
      'exec',
      () => readFileSync(`/proc/${String(handle.pid)}/comm`, 'latin1') === 'sleep\n',
    )
    expect(comm).toBe(true)
  })

  it('appends output to the files, apart', async () => {
    writeFileSync(join(dir, 'stdout'), 'before\n')
    const handle = await start('echo out; echo err >&2')
    await runtime.wait(handle, forever)
    expect(read('stdout')).toBe('before\nout\n')
    expect(read('stderr')).toBe('err\n')
  })

  it('gives the environment that was asked for, and a mark', async () => {
    const handle = await start('env -0 > env; pwd', {
      env: { PATH: '/usr/bin:/bin', GREETING: 'a b\nc' },
    })
    await runtime.wait(handle, forever)
    const env = read('env')
      .split('\0')
      .filter((line) => line !== '')
    const names = env.map((line) => line.split('=')[0]).sort()
    expect(
      names.filter(
        (name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD',
      ),
    ).toEqual(['GREETING', 'P2P_PLAYGROUND_RUN', 'PATH'])
    expect(env).toContain('GREETING=a b\nc')
    expect(read('stdout').trim()).toBe(dir)
  })

  it('passes arguments as they are', async () => {
    const path = script(dir, 'args', 'for arg in "$@"; do echo "[$arg]"; done')
    const handle = await runtime.start(
      specOf([path, 'a b', '$HOME', "it's", '']),
      () => undefined,
      forever,
    )
    await runtime.wait(handle, forever)
    expect(read('stdout')).toBe("[a b]\n[$HOME]\n[it's]\n[]\n")
  })

  it('lets a program end by itself at SIGTERM, and knows its code', async () => {
    const handle = await start('trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done')
    await waitFor('the trap', () => read('stdout') === 'ready\n')
    expect(await runtime.stop(handle, 5000)).toEqual({ kind: 'exited', code: 5 })
  })

  it('kills what ignores SIGTERM after the grace', async () => {
    const handle = await start('trap "" TERM; echo ready; while :; do sleep 0.05; done')
    await waitFor('the trap', () => read('stdout') === 'ready\n')
    expect(await runtime.stop(handle, 100)).toEqual({ kind: 'signaled', signal: 'SIGKILL' })
  })

  it('leaves nothing of a program that forks twice and begins a session', async () => {
    const mark = `98${String(process.pid)}`
    const handle = await start(
      `(setsid sh -c 'setsid sleep ${mark} &' &); echo ready; exec sleep ${mark}`,
    )
    await waitFor('the grandchild', () => processesWith(mark).length >= 2)
    await runtime.stop(handle, 1000)
    expect(processesWith(mark)).toEqual([])
  })

  it('leaves nothing of a program that ends at once and leaves a child', async () => {
    const mark = `97${String(process.pid)}`
    const handle = await start(`sleep ${mark} & exit 0`)
    await runtime.wait(handle, forever)
    await runtime.stop(handle, 1000)
    expect(processesWith(mark)).toEqual([])
  })

  it('records the end of a program whose daemon is gone', async () => {
    const handle = await start('sleep 0.1; exit 9')
    expect(readdirSync(join(dir, 'run'))).toEqual(['never-began'])
    await waitFor('the record', () => read('run/exit') === '9\nend\n')
    expect(await make().wait(handle, forever)).toEqual({ kind: 'exited', code: 9 })
  })

  it('takes a program for stopped that was stopped while it was about to begin', async () => {
    const placed = (handle: RunHandle): void => {
      handles.push(handle)
      process.kill(handle.pid, 'SIGTERM')
    }
    const spec = specOf([script(dir, 'app', 'exec sleep 1000')])
    const handle = await runtime.start(spec, placed, forever)
    expect(await runtime.stop(handle, 1000)).toEqual({ kind: 'signaled', signal: 'SIGTERM' })
  })

  it('says that it never began when the daemon ended just before', async () => {
    const placed = (handle: RunHandle): never => {
      handles.push(handle)
      throw new Error('the daemon is gone')
    }
    const spec = specOf([script(dir, 'app', 'echo began')])
    await expect(runtime.start(spec, placed, forever)).rejects.toThrow(/the daemon is gone/)
    const [handle] = handles
    if (handle === undefined) throw new Error('it was not placed')
    expect(await runtime.wait(handle, forever)).toEqual({
      kind: 'unknown',
      why: 'the daemon ended before it began',
    })
    expect(read('stdout')).toBe('')
  })

  it('says that nothing is known when the wrapper was killed too', async () => {
    const handle = await start('exec sleep 1000')
    execFileSync('kill', ['-9', JSON.stringify(handle.data['wrapperPid']), String(handle.pid)])
    expect((await runtime.wait(handle, forever)).kind).toBe('unknown')
  })

  it('reports memory, processes and CPU time', async () => {
    const handle = await start('sleep 1000 & while :; do :; done')
    const usage = await waitFor('CPU time', async () => {
      const now = await runtime.usage(handle)
      return now.cpuMs >= 50 && now.processes === 2 && now
    })
    expect(usage.memoryBytes).toBeGreaterThan(100_000)
  })

  it.each<[string, () => string, RegExp]>([
    [
      'a file that is not executable',
      () => {
        const path = script(dir, 'x', '')
        chmodSync(path, 0o644)
        return path
      },
      /not executable/,
    ],
    ['a directory', () => dir, /not a file/],
    [
      'a file without "#!"',
      () => {
        const path = join(dir, 'x')
        writeFileSync(path, 'echo hi', { mode: 0o755 })
        return path
      },
      /neither an ELF program nor a script/,
    ],
    [
      'a script whose interpreter is missing',
      () => {
        const path = join(dir, 'x')
        writeFileSync(path, '#!/no/such/thing\n', { mode: 0o755 })
        return path
      },
      /interpreter "\/no\/such\/thing" is not there/,
    ],
    [
      'a program for another machine',
      () => {
        const path = join(dir, 'x')
        const elf = Buffer.alloc(64)
        elf.write('\x7fELF', 'latin1')
        elf.writeUInt16LE(8, 18)
        writeFileSync(path, elf, { mode: 0o755 })
        return path
      },
      /another machine/,
    ],
  ])('refuses %s', async (_name, make, message) => {
    await expect(runtime.start(specOf([make()]), () => undefined, forever)).rejects.toMatchObject({
      code: 'RUNTIME_SPAWN',
      message: expect.stringMatching(message) as string,
    })
  })

  it('keeps descriptors flat over many runs', async () => {
    const count = (): number => readdirSync('/proc/self/fd').length
    await runtime.stop(await start('exit 0'), 0)
    const before = count()
    for (let round = 0; round < 30; round += 1) {
      rmSync(join(dir, 'run'), { recursive: true })
      mkdirSync(join(dir, 'run'))
      await runtime.stop(await start('exec sleep 1000'), 1000)
    }
    expect(count()).toBeLessThanOrEqual(before + 2)
  })
})

it.each([
  ['0', { kind: 'exited', code: 0 }],
  ['1', { kind: 'exited', code: 1 }],
  ['127', { kind: 'exited', code: 127 }],
  ['137', { kind: 'signaled', signal: 'SIGKILL' }],
  ['143', { kind: 'signaled', signal: 'SIGTERM' }],
  ['137\noom 0\noom_kill 0', { kind: 'signaled', signal: 'SIGKILL' }],
  ['137\noom 2\noom_kill 1', { kind: 'oom', limitBytes: 1024 }],
  ['1\noom_kill 1', { kind: 'exited', code: 1 }],
  ['255', { kind: 'exited', code: 255 }],
])('the record %j means %o', (record, exit) => {
  expect(decodeExit(`${record}\n`, 1024)).toEqual(exit)
})
