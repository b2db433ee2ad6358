import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunHandle, RunUser, SandboxMode } from '@p2p-playground/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProcessRuntime } from './process-runtime.js'
import { bubblewrap } from './sandbox/bubblewrap.js'
import { Unconfined } from './unconfined.js'
import { Setpriv } from './user.js'

const forever = new AbortController().signal
const ONE: RunUser = { uid: 1_900_000_001, gid: 1_900_000_001 }
const OTHER: RunUser = { uid: 1_900_000_002, gid: 1_900_000_002 }
const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('users of apps are not tested here: this needs root\n')
const support = await bubblewrap.support()
const MODES: SandboxMode[] = support.enforced ? ['off', 'required'] : ['off']

describe.skipIf(!isRoot).each(MODES)('a program with a user of its own (sandbox %s)', (sandbox) => {
  let dir: string
  let handles: RunHandle[]
  const runtime = new ProcessRuntime({ name: 'test', confinement: new Unconfined('a test') })

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-user-'))
    chmodSync(dir, 0o711)
    handles = []
  })

  afterEach(async () => {
    for (const handle of handles) await runtime.stop(handle, 0)
    rmSync(dir, { recursive: true, force: true })
  })

  const read = (name: string): string =>
    existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : ''

  /** Runs an app of that name to its end; gives what it wrote. */
  async function run(name: string, user: RunUser | undefined, body: string): Promise<string> {
    const files = join(dir, name)
    mkdirSync(files, { recursive: true, mode: 0o700 })
    const runDir = mkdtempSync(join(dir, 'run-'))
    writeFileSync(join(files, 'app'), `#!/bin/sh\nexec 2>&1\n${body}\n`)
    chmodSync(join(files, 'app'), 0o755)
    const handle = await runtime.start(
      {
        instance: `${name}@1.0.0`,
        command: [join(files, 'app')],
        workDir: files,
        rootDir: files,
        hiddenDirs: [],
        env: { PATH: '/usr/bin:/bin' },
        stdoutPath: join(dir, `${name}-stdout`),
        stderrPath: join(dir, `${name}-stderr`),
        runDir,
        limits: {},
        sandbox,
        user,
      },
      () => undefined,
      forever,
    )
    handles.push(handle)
    expect((await runtime.wait(handle, forever)).kind).toBe('exited')
    return read(`${name}-stdout`)
  }

  it('runs as that user, in no other group, and cannot become another', async () => {
    const told = await run('one', ONE, 'id -u; id -G; grep NoNewPrivs /proc/self/status')
    expect(told).toMatch(/^1900000001\n1900000001\nNoNewPrivs:\s1\n$/)
  })

  it('reads its files and writes among them', async () => {
    expect(await run('one', ONE, 'cat app >copy && wc -l <copy; echo x >>/dev/stdout')).toBe(
      '3\nx\n',
    )
    expect(statSync(join(dir, 'one', 'copy')).uid).toBe(ONE.uid)
  })

  it('cannot read the files of an app that has another', async () => {
    await run('one', ONE, 'echo private >secret')
    expect(await run('other', OTHER, `cat ${dir}/one/secret; ls ${dir}/one`)).not.toMatch(/private/)
    expect(read('other-stdout')).toMatch(/denied|No such file/)
  })

  it('is not given what lies behind a link', async () => {
    writeFileSync(join(dir, 'of-the-node'), 'x')
    mkdirSync(join(dir, 'one'), { mode: 0o700 })
    symlinkSync(join(dir, 'of-the-node'), join(dir, 'one', 'link'))
    await run('one', ONE, 'exit 0')
    expect(statSync(join(dir, 'of-the-node')).uid).toBe(0)
  })

  it('gets its files from whoever had them before', async () => {
    await run('one', ONE, 'echo kept >file')
    expect(await run('one', OTHER, 'cat file')).toBe('kept\n')
    expect(await run('one', undefined, 'cat file; id -u')).toBe('kept\nkept\n0\n')
    expect(statSync(join(dir, 'one')).uid).toBe(0)
  })
})

const busybox = `#!/bin/sh
echo "setpriv: unrecognized option: reuid" >&2
echo "Usage: setpriv [OPTIONS] PROG [ARGS]" >&2
exit 1
`

describe('where the user cannot be changed', () => {
  let dir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-user-'))
  })

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })

  function without(script?: string): ProcessRuntime {
    const path = join(dir, 'setpriv')
    if (script !== undefined) writeFileSync(path, script, { mode: 0o755 })
    const confinement = new Unconfined('a test')
    return new ProcessRuntime({ name: 'test', confinement, setpriv: new Setpriv(path) })
  }

  it.each([
    ['there is no setpriv', undefined, /^there is no \S+setpriv \(Debian package util-linux\)$/],
    ['setpriv cannot do it', busybox, /^setpriv does not work here: unrecognized option: reuid$/],
  ])('because %s, it says so', async (_what, script, why) => {
    const expected = isRoot ? why : /^the daemon is not root$/
    expect((await without(script).support()).user).toEqual({
      enforced: false,
      why: expect.stringMatching(expected) as string,
    })
  })

  it('refuses a program that must have another, and leaves its files as they are', async () => {
    const app = join(dir, 'app')
    writeFileSync(app, '#!/bin/sh\n', { mode: 0o755 })
    const spec = {
      instance: 'app@1.0.0',
      command: [app] as const,
      workDir: dir,
      rootDir: dir,
      hiddenDirs: [],
      env: {},
      stdoutPath: join(dir, 'stdout'),
      stderrPath: join(dir, 'stderr'),
      runDir: dir,
      limits: {},
      sandbox: 'off' as const,
      user: ONE,
    }
    const starting = without().start(spec, () => undefined, forever)
    await expect(starting).rejects.toMatchObject({
      code: 'RUNTIME_USER',
      message: expect.stringMatching(
        /^app@1\.0\.0 must run as another user, and cannot: /,
      ) as string,
    })
    expect(statSync(dir).uid).not.toBe(ONE.uid)
  })
})

it.skipIf(!isRoot)('says that it changes users where it can', async () => {
  expect(await new Setpriv().support()).toEqual({ enforced: true, by: 'setpriv' })
})
