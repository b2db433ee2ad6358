import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import type { RunHandle } from '@p2p-playground/core'
import { expect } from 'vitest'
import { forever, without } from './contract-case.js'
import type { ContractCase } from './contract-case.js'
import { ignore } from './runtime-bench.js'
import type { RuntimeCase } from './runtime-bench.js'
import type { RuntimeSetup } from './runtime-contract.js'

/** What a start promises, and what it does when it cannot. */
export function runtimeStartCases(setup: RuntimeSetup, theCase: RuntimeCase): ContractCase[] {
  const { prints } = setup
  return [
    theCase('says for each limit what enforces it, or why nothing does', async (bench) => {
      const support = await (await bench.create()).support()
      const { cpu, memory, pids, sandbox, user } = support
      for (const one of [cpu, memory, pids, sandbox, user]) {
        expect(one.enforced ? one.by : one.why).toMatch(/\S/)
      }
    }),

    theCase('starts, reports usage, and stops', async (bench) => {
      const runtime = await bench.create()
      const handle = await bench.endless(runtime)
      expect(await runtime.adopt(handle)).toBe(true)
      expect((await runtime.usage(handle)).processes).toBeGreaterThan(0)
      expect((await runtime.stop(handle, 5000)).kind).toBe('signaled')
      expect(await runtime.adopt(handle)).toBe(false)
      expect((await runtime.usage(handle)).processes).toBe(0)
    }),

    theCase('keeps programs apart that run at once', async (bench) => {
      const [one, other] = [await bench.create(), await bench.create()]
      const handles = await Promise.all([other, one, one].map((runtime) => bench.endless(runtime)))
      const [first, second, third] = handles
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('three')
      expect(new Set(handles.map(({ pid }) => pid)).size).toBe(3)
      await Promise.all([other.stop(first, 5000), one.stop(third, 5000)])
      expect(await Promise.all(handles.map((handle) => one.adopt(handle)))).toEqual([
        false,
        true,
        false,
      ])
      expect((await one.usage(second)).processes).toBeGreaterThan(0)
    }),

    theCase('runs a program below a directory with spaces and other letters', async (bench) => {
      const dir = join(bench.dir, 'a b ü 好')
      mkdirSync(dir)
      const runtime = await bench.create()
      const handle = await bench.start(runtime, {
        ...bench.specOf(setup.exits(dir, 4)),
        workDir: dir,
        stdoutPath: join(dir, 'stdout'),
      })
      setup.end?.(runtime, handle, 4)
      expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 4 })
    }),

    theCase(
      'gives a program its arguments as they are, and appends what it writes',
      async (bench) => {
        const args = ['a b', '', '$HOME \'"', 'Grüße 你好 🙂', '-n', 'x'.repeat(64 * 1024)]
        const runtime = await bench.create()
        const spec = bench.specOf(prints?.(bench.dir) ?? ['/nothing'])
        writeFileSync(spec.stdoutPath, 'before\n')
        const handle = await bench.start(runtime, { ...spec, command: [...spec.command, ...args] })
        expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 0 })
        const lines = ['before', ...args].map((arg) => `${arg}\n`)
        expect(readFileSync(spec.stdoutPath, 'utf8')).toBe(lines.join(''))
      },
      without('prints', prints),
    ),

    theCase('tells the handle before the program begins, and gives the same', async (bench) => {
      const told: RunHandle[] = []
      const spec = bench.specOf(setup.endless(bench.dir))
      const handle = await bench.start(await bench.create(), spec, (one) => told.push(one))
      expect(told).toEqual([handle])
    }),

    theCase('begins nothing when the handle cannot be written down', async (bench) => {
      const runtime = await bench.create()
      let told: RunHandle | undefined
      const full = (handle: RunHandle): never => {
        told = handle
        throw new PlaygroundError('STATE_DISK', 'no room')
      }
      const starting = bench.start(runtime, bench.specOf(setup.exits(bench.dir, 0)), full)
      await expect(starting).rejects.toMatchObject({ code: 'STATE_DISK' })
      if (told === undefined) throw new Error('it was told no handle')
      expect(await runtime.adopt(told)).toBe(false)
      expect((await runtime.usage(told)).processes).toBe(0)
    }),

    theCase('refuses a program that is not there with RUNTIME_SPAWN', async (bench) => {
      const missing = bench.specOf([join(bench.dir, 'missing')])
      const starting = bench.start(await bench.create(), missing)
      await expect(starting).rejects.toMatchObject({ code: 'RUNTIME_SPAWN' })
    }),

    theCase(
      'starts in a sandbox that is required, or refuses with RUNTIME_SANDBOX',
      async (bench) => {
        const runtime = await bench.create()
        const spec = { ...bench.specOf(setup.endless(bench.dir)), sandbox: 'required' as const }
        const starting = bench.start(runtime, spec)
        if ((await runtime.support()).sandbox.enforced) await starting
        else await expect(starting).rejects.toMatchObject({ code: 'RUNTIME_SANDBOX' })
      },
    ),

    theCase('starts as the user that is named, or refuses with RUNTIME_USER', async (bench) => {
      const runtime = await bench.create()
      const user = { uid: 65_533, gid: 65_533 }
      const starting = bench.start(runtime, { ...bench.specOf(setup.endless(bench.dir)), user })
      if ((await runtime.support()).user.enforced) await starting
      else await expect(starting).rejects.toMatchObject({ code: 'RUNTIME_USER' })
    }),

    theCase('starts nothing once the signal has aborted', async (bench) => {
      const runtime = await bench.create()
      const spec = bench.specOf(setup.endless(bench.dir))
      const starting = bench.start(runtime, spec, ignore, AbortSignal.abort(new Error('no')))
      await expect(starting).rejects.toThrow('no')
    }),

    theCase(
      'leaves nothing of a start that fails because it is aborted in the middle',
      async (bench) => {
        const runtime = await bench.create()
        const stop = new AbortController()
        let told: RunHandle | undefined
        const placed = (handle: RunHandle): void => {
          told = handle
          stop.abort(new Error('enough'))
        }
        const spec = bench.specOf(setup.endless(bench.dir))
        const failed = await bench.start(runtime, spec, placed, stop.signal).then(
          () => false,
          () => true,
        )
        if (told === undefined) throw new Error('it was told no handle')
        // A start that was nearly done may as well succeed.
        expect(await runtime.adopt(told)).toBe(!failed)
        expect((await runtime.usage(told)).processes > 0).toBe(!failed)
      },
    ),
  ]
}
