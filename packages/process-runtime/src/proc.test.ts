import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { allProcesses, findProcesses, readBootId, readEnvironment, readStat } from './proc.js'

const LOOKS = 200

it('knows this process', () => {
  expect(readStat(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid })
  expect(findProcesses(({ pid }) => pid === process.pid)).toHaveLength(1)
  expect(readEnvironment(process.pid)).toContain(`PATH=${String(process.env['PATH'])}`)
})

it('looks once for all who ask in one turn of the event loop', async () => {
  const all = allProcesses()
  await Promise.resolve()
  expect(allProcesses()).toBe(all)
  const ours = all.find(({ stat }) => stat.pid === process.pid)
  expect(ours?.environment()).toContain(`PATH=${String(process.env['PATH'])}`)
  expect(ours?.environment()).toBe(ours?.environment())
  await nextTurn()
  expect(allProcesses()).not.toBe(all)
})

it('looks at many processes without a buffer for each', () => {
  const before = process.memoryUsage().arrayBuffers
  let peakBytes = 0
  for (let look = 0; look < LOOKS; look += 1) {
    readStat(process.pid)
    readBootId()
    peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - before)
  }
  expect(peakBytes).toBeLessThan(1024 * 1024)
})
