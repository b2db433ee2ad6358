import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kill, processesUnder } from '../harness/processes.js'

/** The demo when somebody has seen enough of it. */
const DEMO = join(import.meta.dirname, '../../scripts/demo.mjs')
let tmp: string

beforeEach(() => {
  tmp = mkdtempSync(join(tmpdir(), 'p2p-playground-test-'))
})

afterEach(() => {
  for (const pid of processesUnder(tmp)) kill(pid)
  rmSync(tmp, { recursive: true, force: true })
})

test.each([
  ['while nodes start', /node-2\$ p2p-playground daemon start/],
  ['while an app is deployed', /verify|start staged/],
  ['while the app runs', /node-1\$ p2p-playground logs/],
])('Ctrl-C %s leaves neither process nor file', async (_, moment) => {
  const demo = spawn(process.execPath, [DEMO], {
    env: { ...process.env, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let interrupted = false
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more
      if (interrupted || !moment.test(text)) return
      interrupted = true
      demo.kill('SIGINT')
    })
  }
  const code = await new Promise((resolve) => demo.once('close', resolve))
  expect(interrupted, text).toBe(true)
  expect(code, text).toBe(130)
  expect(processesUnder(tmp)).toEqual([])
  expect(readdirSync(tmp).filter((name) => name.startsWith('p2p-playground'))).toEqual([])
})
