import { expect } from 'vitest'
import { waitFor } from '../wait-for.js'
import { forever, prompt } from './contract-case.js'
import type { ContractCase } from './contract-case.js'
import { stored } from './runtime-bench.js'
import type { RuntimeCase } from './runtime-bench.js'
import type { RuntimeSetup } from './runtime-contract.js'

/** What handles promise to the next daemon. */
export function runtimeHandleCases(setup: RuntimeSetup, theCase: RuntimeCase): ContractCase[] {
  return [
    theCase('gives a handle that is plain JSON', async (bench) => {
      const handle = await bench.endless(await bench.create())
      expect(stored(handle)).toStrictEqual(handle)
    }),

    theCase('takes a program over in the next daemon, and stops it there', async (bench) => {
      const handle = await bench.endless(await bench.create())
      const next = await bench.create()
      expect(await next.adopt(stored(handle))).toBe(true)
      expect((await next.usage(stored(handle))).processes).toBeGreaterThan(0)
      expect((await next.stop(stored(handle), 5000)).kind).toBe('signaled')
    }),

    theCase('lets programs go on when it is closed', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      await runtime.close?.()
      const next = await bench.create()
      expect(await next.adopt(stored(handle))).toBe(true)
      await next.stop(stored(handle), 5000)
      expect(await next.adopt(stored(handle))).toBe(false)
    }),

    theCase('does not take another process for the program', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      expect(await runtime.adopt({ ...handle, startTicks: handle.startTicks + 1 })).toBe(false)
    }),

    theCase(
      'knows that a program of another boot is gone, and harms nobody with its number',
      async (bench) => {
        const runtime = await bench.create()
        const handle = await bench.endless(runtime)
        const old = { ...handle, bootId: 'another boot' }
        expect(await runtime.adopt(old)).toBe(false)
        expect((await runtime.usage(old)).processes).toBe(0)
        await runtime.stop(old, 0)
        expect(await runtime.adopt(handle)).toBe(true)
        await prompt(setup, 'a wait for a program of another boot', runtime.wait(old, forever))
      },
    ),

    theCase('knows the exit code in the next daemon, though nobody waited', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.exits(runtime, 7)
      await waitFor('the end of the program', async () => !(await runtime.adopt(handle)))
      const next = await bench.create()
      expect(await next.wait(stored(handle), forever)).toEqual({ kind: 'exited', code: 7 })
    }),
  ]
}
