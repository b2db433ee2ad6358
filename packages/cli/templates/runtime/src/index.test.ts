import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { Runtime } from '@p2p-playground/core'
import { RecordingLogger } from '@p2p-playground/testkit'
import { runtimeContract } from '@p2p-playground/testkit/contracts'
import { expect, it } from 'vitest'
import plugin from './index.js'

const create = (): Runtime =>
  plugin.create({
    config: { niceness: 7 },
    logger: new RecordingLogger(),
    clock: systemClock,
    dataDir: '/nonexistent',
  })

function script(dir: string, name: string, body: string): [string] {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return [path]
}

runtimeContract('plugin-name', {
  create,
  endless: (dir) => script(dir, 'endless', 'exec sleep 1000'),
  exits: (dir, code) => script(dir, 'exits', `exit ${String(code)}`),
  stubborn: (dir, ready) =>
    script(dir, 'stubborn', `trap '' TERM\n: > '${ready}'\nwhile :; do sleep 1; done`),
  prints: (dir) => script(dir, 'prints', `for word in "$@"; do printf '%s\\n' "$word"; done`),
})

it('gives the program its priority', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'plugin-name-'))
  const runDir = join(dir, 'run')
  mkdirSync(runDir)
  const runtime = create()
  try {
    const handle = await runtime.start(
      {
        instance: 'app@1.0.0',
        command: script(dir, 'endless', 'exec sleep 1000'),
        workDir: dir,
        rootDir: dir,
        hiddenDirs: [],
        env: { PATH: '/usr/bin:/bin' },
        stdoutPath: join(dir, 'stdout'),
        stderrPath: join(dir, 'stderr'),
        runDir,
        limits: {},
        sandbox: 'off',
      },
      () => undefined,
      new AbortController().signal,
    )
    expect(getPriority(handle.pid)).toBe(7)
    await runtime.stop(handle, 0)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

it('refuses configuration that it does not know', async () => {
  const { issues } = await plugin.config['~standard'].validate({ nicenes: 3 })
  expect(issues).toHaveLength(1)
})
