import { execFile } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BIN } from '../harness/command.js'
import { makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

let dir: ReturnType<typeof makeHome>
let old: string

beforeAll(() => {
  dir = makeHome()
  old = join(dir.path, 'old.cjs')
  // Makes any Node look like an old one.
  writeFileSync(
    old,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })",
  )
})
afterAll(() => {
  dir.remove()
})

/** Runs the launcher at `path` by a Node that says it is 18. */
async function byOldNode(path: string): Promise<Pick<CliResult, 'status' | 'stdout' | 'stderr'>> {
  const { promise, resolve } =
    Promise.withResolvers<Pick<CliResult, 'status' | 'stdout' | 'stderr'>>()
  const child = execFile(
    process.execPath,
    ['--require', old, path, '--version'],
    (_, stdout, stderr) => {
      resolve({ status: child.exitCode, stdout, stderr })
    },
  )
  return promise
}

test('an old Node finds the one that the packages brought along', async () => {
  const result = await byOldNode(BIN)
  expect(result).toMatchObject({ status: 0, stderr: '' })
  expect(result.stdout).toMatch(/^@p2p-playground\/cli\/\S+ \S+ node-v2\d\./)
})

test('without one it says what is needed', async () => {
  const alone = join(dir.path, 'alone.mjs')
  copyFileSync(BIN, alone)
  const { status, stdout, stderr } = await byOldNode(alone)
  expect(stderr).toMatch(
    /^Error USAGE: p2p-playground needs Node 22\.13 or newer, this is 18\.20\.4\n/,
  )
  expect(stdout).toBe('')
  expect(status).toBe(1)
})

test('a second Node that is too old as well is the last one', async () => {
  const { status, stderr } = await runCli(['--version'], {
    env: { NODE_OPTIONS: `--require ${old}` },
  })
  expect(stderr).toContain('needs Node 22.13')
  expect(status).toBe(1)
})
