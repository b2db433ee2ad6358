import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunHandle, RunSpec, RunUser, SandboxMode } from '@p2p-playground/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toldEnvironment } from './environment.js'
import { findProcesses, readEnvironment } from './proc.js'
import { ProcessRuntime } from './process-runtime.js'
import { bubblewrap } from './sandbox/bubblewrap.js'
import { MARK, Unconfined } from './unconfined.js'

const forever = new AbortController().signal
const USER: RunUser = { uid: 1_900_000_001, gid: 1_900_000_001 }
const { enforced: hasSandbox } = await bubblewrap.support()
const modes: SandboxMode[] = hasSandbox ? ['off', 'required'] : ['off']
const users = process.getuid?.() === 0 ? [undefined, USER] : [undefined]
const WAYS = modes.flatMap((sandbox) => users.map((user) => ({ sandbox, user })))
if (WAYS.length < 4) process.stderr.write('environments are tested without sandbox or user here\n')

/** Writes the name and the user of every process that loads it. */
const LIBRARY = `
#include <stdio.h>
#include <unistd.h>
unsigned int la_version(unsigned int version) { return version; }
__attribute__((constructor)) static void tell(void) {
  char name[64] = "";
  FILE *comm = fopen("/proc/self/comm", "r"), *told = fopen("told", "a");
  if (comm && fgets(name, sizeof name, comm) && told) fprintf(told, "%d %s", (int)geteuid(), name);
  if (told) fclose(told);
}
`
/** All of UTF-8 that has one or two bytes, and what shells have a use for. */
const TEXT = Array.from({ length: 0x7ff }, (_, index) => String.fromCodePoint(index + 1)).join('')
const ENV = {
  PATH: '/usr/bin:/bin',
  TEXT,
  LINES: 'one\ngo\n\n 3\n',
  SHELL_TEXT: `it's "x" $HOME $(exit 1) \`exit 1\` \\ ; exit 1 # !`,
  EMPTY: '',
  SPACE: '  a  b\t',
  FAR: '漢字 😀',
  LONG: 'x'.repeat(100_000),
  // Names that the shells before it use themselves.
  ...{ line: 'l', count: 'c', text: 't', IFS: 'a1 =', ENV: './x', CDPATH: '/', PWD: '/nowhere' },
}

function runIdOf(handle: RunHandle | undefined): string {
  const runId = handle?.data['runId']
  return typeof runId === 'string' ? runId : ''
}

describe.each(WAYS)('the environment of a program (%o)', ({ sandbox, user }) => {
  let dir: string
  let handles: RunHandle[]
  const runtime = new ProcessRuntime({ name: 'test', confinement: new Unconfined('a test') })

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-environment-'))
    chmodSync(dir, 0o711)
    mkdirSync(join(dir, 'run'))
    mkdirSync(join(dir, 'files'))
    handles = []
  })

  afterEach(async () => {
    for (const handle of handles) await runtime.stop(handle, 0)
    rmSync(dir, { recursive: true, force: true })
  })

  const specOf = (command: RunSpec['command'], env: RunSpec['env']): RunSpec => ({
    instance: 'app@1.0.0',
    command,
    workDir: join(dir, 'files'),
    rootDir: join(dir, 'files'),
    hiddenDirs: [],
    env,
    stdoutPath: join(dir, 'stdout'),
    stderrPath: join(dir, 'stderr'),
    runDir: join(dir, 'run'),
    limits: {},
    sandbox,
    user,
  })

  async function run(command: RunSpec['command'], env: RunSpec['env']): Promise<string> {
    const handle = await runtime.start(specOf(command, env), () => undefined, forever)
    handles.push(handle)
    expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 0 })
    expect(readFileSync(join(dir, 'stderr'), 'utf8')).toBe('')
    return readFileSync(join(dir, 'stdout'), 'utf8')
  }

  it('is what was asked for, to the byte, and a mark', async () => {
    const lines = (await run(['/usr/bin/env', '-0'], ENV)).split('\0').slice(0, -1)
    const env = Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf('=')), one]))
    const mark = { [MARK]: runIdOf(handles[0]) }
    const wanted = Object.entries({ ...ENV, ...mark }).map(([name, value]) => `${name}=${value}`)
    // What a shell that is bash adds itself.
    for (const name of ['SHLVL', '_']) Reflect.deleteProperty(env, name)
    expect(Object.values(env).sort()).toEqual(wanted.sort())
  })

  it('is that of no process before it, and in no list of processes', async () => {
    const own = 'of the app'
    let count = 0
    const placed = (handle: RunHandle): void => {
      handles.push(handle)
      for (const { pid } of findProcesses(() => true)) {
        const env = readEnvironment(pid)
        if (!env.includes(`${MARK}=${runIdOf(handle)}`)) continue
        count += 1
        expect(env.filter((line) => line.startsWith('PATH=') || line.includes(own))).toEqual([
          'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        ])
        expect(readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')).not.toContain(own)
      }
    }
    const spec = specOf(['/usr/bin/env'], { PATH: '/nowhere', SECRET: own })
    await runtime.wait(await runtime.start(spec, placed, forever), forever)
    expect(count).toBe(sandbox === 'off' ? 2 : 4)
  })

  it('loads no library of the package before the program', async ({ skip }) => {
    const files = join(dir, 'files')
    const cc = ['-shared', '-fPIC', '-x', 'c', '-o', join(files, 'mine.so'), '-']
    const { status, error, stderr } = spawnSync('cc', cc, { input: LIBRARY, encoding: 'utf8' })
    if (status !== 0) {
      process.stderr.write(`LD_PRELOAD is not tested here: ${error?.message ?? stderr}\n`)
      skip()
    }
    writeFileSync(join(files, 'program'), '#!/bin/sh\n:\n', { mode: 0o755 })
    await run([join(files, 'program')], { LD_PRELOAD: './mine.so', LD_AUDIT: './mine.so' })
    const own = user?.uid ?? process.getuid?.() ?? 0
    const told = readFileSync(join(files, 'told'), 'utf8').trim().split('\n')
    expect(new Set(told)).toEqual(new Set([`${String(own)} program`]))
  })
})

it.each([
  ['a.b', 'x', 'its name is none'],
  ['A; exit 1; B', 'x', 'its name is none'],
  ['', 'x', 'its name is none'],
  ['A', 'a\0b', 'it holds a NUL'],
])('refuses a variable "%s" of value "%s"', (name, value, why) => {
  expect(() => toldEnvironment({ [name]: value })).toThrow(
    expect.objectContaining({
      code: 'RUNTIME_SPAWN',
      message: expect.stringContaining(why) as string,
    }),
  )
})
