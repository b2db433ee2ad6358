import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { holdMemory, releaseMemorySoon } from './release-memory.js'

const QUIET_MS = 2000
const LAST_RESORT = { execution: 'sync', flavor: 'last-resort', type: 'major' }
const GROWTH_BYTES = 64 * 1024 * 1024
const collect = vi.fn()
let residentBytes = 0

beforeEach(() => {
  // Each test begins with more than the one before has left.
  residentBytes += GROWTH_BYTES
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => residentBytes)
  vi.useFakeTimers()
  vi.stubGlobal('gc', collect)
})
afterEach(() => {
  // What a test asked for is done before the next.
  vi.runAllTimers()
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  collect.mockReset()
})

it('collects once it has been quiet for a while', () => {
  releaseMemorySoon()
  vi.advanceTimersByTime(QUIET_MS - 1)
  releaseMemorySoon()
  vi.advanceTimersByTime(QUIET_MS - 1)
  expect(collect).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(collect.mock.calls).toEqual([[LAST_RESORT]])
})

it('collects again only when something has come since', () => {
  for (const growthBytes of [0, 1_000_000, GROWTH_BYTES]) {
    residentBytes += growthBytes
    releaseMemorySoon()
    vi.advanceTimersByTime(QUIET_MS)
  }
  expect(collect).toHaveBeenCalledTimes(2)
})

it('waits for the last of those who hold it', () => {
  releaseMemorySoon()
  const releases = [holdMemory(), holdMemory()]
  vi.advanceTimersByTime(QUIET_MS)
  releases[0]?.()
  vi.advanceTimersByTime(QUIET_MS)
  expect(collect).not.toHaveBeenCalled()
  releases[1]?.()
  vi.advanceTimersByTime(QUIET_MS)
  expect(collect).toHaveBeenCalledOnce()
})

it('does not wait for ever, keeps then what is in use, and gives it back at the end', () => {
  releaseMemorySoon()
  const release = holdMemory()
  vi.advanceTimersByTime(30_000)
  expect(collect.mock.calls).toEqual([[]])
  release()
  vi.advanceTimersByTime(QUIET_MS)
  expect(collect.mock.calls).toEqual([[], [LAST_RESORT]])
})

it('collects every few seconds while it is never quiet', () => {
  for (let ms = 0; ms <= 10_000; ms += 1000) {
    residentBytes += GROWTH_BYTES
    releaseMemorySoon()
    vi.advanceTimersByTime(1000)
  }
  expect(collect.mock.calls).toEqual([[], []])
})

it('gives what comes after a long hold its quiet while', () => {
  const release = holdMemory()
  releaseMemorySoon()
  vi.advanceTimersByTime(20_000)
  release()
  vi.advanceTimersByTime(QUIET_MS - 1)
  expect(collect).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(collect.mock.calls).toEqual([[LAST_RESORT]])
})
