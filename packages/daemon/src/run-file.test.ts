import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bootId, readRunFile, removeRunFile, startTicksOf, writeRunFile } from './run-file.js'
import type { RunFile } from './run-file.js'

let dir: string
let path: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-run-'))
  path = join(dir, 'run', 'daemon.json')
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function fileOf(pid: number, patch: Partial<RunFile> = {}): RunFile {
  return {
    pid,
    startTicks: startTicksOf(pid) ?? 0,
    bootId: bootId(),
    peerId: 'p',
    name: 'n',
    version: '0.1.0',
    addresses: [],
    startedAtMs: 1,
    ...patch,
  }
}

it('is read as long as its process runs', async () => {
  await writeRunFile(path, fileOf(process.pid))
  expect(await readRunFile(path)).toEqual(fileOf(process.pid))
  await removeRunFile(path)
  await removeRunFile(path)
  expect(await readRunFile(path)).toBeUndefined()
})

it.each<[string, Partial<RunFile>]>([
  ['a reused pid', { startTicks: 1 }],
  ['an earlier boot', { bootId: 'another' }],
  ['a pid that is gone', { pid: 2 ** 22 + 1 }],
])('is nothing with %s', async (_name, patch) => {
  await writeRunFile(path, fileOf(process.pid, patch))
  expect(await readRunFile(path)).toBeUndefined()
})

it('is nothing when half a file is left', async () => {
  await writeRunFile(path, fileOf(process.pid))
  writeFileSync(path, '{"pid":')
  expect(await readRunFile(path)).toBeUndefined()
})

it('is nothing with a zombie, which only its parent has not noticed yet', async () => {
  // The shell becomes a sleep that never collects its child.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const { promise, resolve } = Promise.withResolvers<number>()
    parent.stdout.on('data', (chunk: Buffer) => {
      resolve(Number(chunk.toString()))
    })
    const zombie = await promise
    await waitFor('the zombie', () => startTicksOf(zombie) === undefined)
  } finally {
    parent.kill('SIGKILL')
  }
})
