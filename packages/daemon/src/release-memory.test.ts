import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { holdMemory, releaseMemorySoon } from './release-memory.js'

const QUIET_MS = 2000
const collect = vi.fn()

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('gc', collect)
})
afterEach(() => {
  // What a test asked for is done before the next.
  vi.runAllTimers()
  vi.useRealTimers()
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
  expect(collect).toHaveBeenCalledOnce()
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

it('does not wait for ever', () => {
  releaseMemorySoon()
  const release = holdMemory()
  vi.advanceTimersByTime(30_000)
  expect(collect).toHaveBeenCalledOnce()
  release()
})
