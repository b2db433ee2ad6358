import { systemClock } from '@p2p-playground/core'
import { describe, expect, it, vi } from 'vitest'
import { GroupCommit } from './group-commit.js'

/** Sleeps until woken, or until the sleeper's signal aborts. */
function wakeableClock(): { readonly clock: typeof systemClock; readonly wake: () => void } {
  let wakes: (() => void)[] = []
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    wakes.push(() => {
      resolve(undefined)
    })
    signal?.addEventListener('abort', () => {
      reject(signal.reason)
    })
    return promise.then(() => undefined)
  }
  const wake = (): void => {
    for (const each of wakes.splice(0)) each()
    wakes = []
  }
  return { clock: { ...systemClock, sleep }, wake }
}

describe('GroupCommit', () => {
  it('commits many appends at once, and later ones again', async () => {
    const { clock, wake } = wakeableClock()
    const commit = vi.fn(() => Promise.resolve())
    const group = new GroupCommit({ clock, commit, onError: vi.fn() })
    for (let index = 0; index < 10; index += 1) group.want()
    expect(commit).not.toHaveBeenCalled()
    wake()
    await vi.waitFor(() => {
      expect(commit).toHaveBeenCalledTimes(1)
    })
    await Promise.resolve()
    group.want()
    await vi.waitFor(() => {
      wake()
      expect(commit).toHaveBeenCalledTimes(2)
    })
    await group.close()
  })

  it('reports what goes wrong, and tries again with the next append', async () => {
    const { clock, wake } = wakeableClock()
    const commit = vi.fn(() => Promise.reject(new Error('EIO')))
    const onError = vi.fn()
    const group = new GroupCommit({ clock, commit, onError })
    for (const times of [1, 2]) {
      await vi.waitFor(() => {
        group.want()
        wake()
        expect(onError).toHaveBeenCalledTimes(times)
      })
    }
    await group.close()
  })

  it('reports what goes wrong with a commit that is under way at its end', async () => {
    const { clock, wake } = wakeableClock()
    const { promise, reject } = Promise.withResolvers<undefined>()
    const commit = vi.fn(async () => {
      await promise
    })
    const onError = vi.fn()
    const group = new GroupCommit({ clock, commit, onError })
    group.want()
    wake()
    await vi.waitFor(() => {
      expect(commit).toHaveBeenCalledOnce()
    })
    const closing = group.close()
    const error = new Error('EIO')
    reject(error)
    await closing
    expect(onError).toHaveBeenCalledExactlyOnceWith(error)
  })

  it('stops while it waits', async () => {
    const { clock, wake } = wakeableClock()
    const commit = vi.fn(() => Promise.resolve())
    const onError = vi.fn()
    const group = new GroupCommit({ clock, commit, onError })
    group.want()
    await group.close()
    await group.close()
    wake()
    expect(commit).not.toHaveBeenCalled()
    expect(onError).not.toHaveBeenCalled()
  })
})
