import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { waitFor } from '../wait-for.js'
import { forever, prompt, without } from './contract-case.js'
import type { ContractCase } from './contract-case.js'
import type { RuntimeCase } from './runtime-bench.js'
import type { RuntimeSetup } from './runtime-contract.js'

/** What `wait` and `stop` promise. */
export function runtimeEndCases(setup: RuntimeSetup, theCase: RuntimeCase): ContractCase[] {
  const { stubborn } = setup
  return [
    ...[0, 3].map((code) =>
      theCase(`knows the exit code ${String(code)}`, async (bench) => {
        const runtime = await bench.create()
        const handle = await bench.exits(runtime, code)
        expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code })
      }),
    ),

    theCase('tells the end to each who waits, also after it', async (bench) => {
      const [runtime, next] = [await bench.create(), await bench.create()]
      const handle = await bench.endless(runtime)
      const waits = [runtime, runtime, next].map((one) => one.wait(handle, forever))
      const end = await runtime.stop(handle, 5000)
      const late = runtime.wait(handle, forever)
      const all = await prompt(setup, 'a wait past the end', Promise.all([...waits, late]))
      expect(all).toEqual([end, end, end, end])
    }),

    theCase('ends a wait when the signal aborts, and the program goes on', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      const stop = new AbortController()
      const [wait, other] = [runtime.wait(handle, stop.signal), runtime.wait(handle, forever)]
      stop.abort(new Error('enough'))
      await prompt(setup, 'a wait that was aborted', expect(wait).rejects.toThrow('enough'))
      expect(await runtime.adopt(handle)).toBe(true)
      await runtime.stop(handle, 5000)
      expect((await prompt(setup, 'the other wait', other)).kind).toBe('signaled')
    }),

    theCase('stops twice without harm, and knows the end each time', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      const first = await runtime.stop(handle, 5000)
      expect(await runtime.stop(handle, 5000)).toEqual(first)
    }),

    theCase('stops once for several who ask at the same time', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      const ends = await Promise.all([0, 1, 2].map(() => runtime.stop(handle, 5000)))
      expect(ends.map(({ kind }) => kind)).toEqual(['signaled', 'signaled', 'signaled'])
      expect(await runtime.adopt(handle)).toBe(false)
    }),

    theCase('keeps the exit code of what is stopped after its end', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.exits(runtime, 3)
      await runtime.wait(handle, forever)
      expect(await runtime.stop(handle, 5000)).toEqual({ kind: 'exited', code: 3 })
    }),

    theCase(
      'kills a program that lets SIGTERM pass, after the grace',
      async (bench) => {
        const runtime = await bench.create()
        const ready = join(bench.dir, 'ready')
        const spec = bench.specOf(stubborn?.(bench.dir, ready) ?? ['/nothing'])
        const handle = await bench.start(runtime, spec)
        await waitFor('the program to be ready', () => existsSync(ready))
        expect(await runtime.stop(handle, 50)).toEqual({ kind: 'signaled', signal: 'SIGKILL' })
        expect(await runtime.adopt(handle)).toBe(false)
      },
      without('stubborn', stubborn),
    ),
  ]
}
