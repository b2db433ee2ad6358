import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Machines } from './machines.js'

test('machines have no directory until something asks for it, and none in the end', async () => {
  const tmp = mkdtempSync(join(tmpdir(), 'p2p-playground-test-'))
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(tmp, { recursive: true })
  })
  vi.stubEnv('TMPDIR', tmp)
  const machines = new Machines()
  const machine = machines.machine('one')
  expect(readdirSync(tmp)).toEqual([])
  await machines.remove()
  expect(readdirSync(tmp)).toEqual([])
  expect(machine.home).toBe(join(machines.base, 'one'))
  expect(readdirSync(tmp)).toHaveLength(1)
  await machines.remove()
  await machines.remove()
  expect(readdirSync(tmp)).toEqual([])
})
