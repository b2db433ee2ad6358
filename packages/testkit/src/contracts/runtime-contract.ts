import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import type { RunHandle, RunSpec, Runtime } from '@p2p-playground/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.js'

/** What a runtime's test gives the suite. */
export interface RuntimeSetup {
  /** A runtime; called again in one test it is the one of the next daemon, beside the same programs. */
  readonly create: () => Runtime
  /** A program that runs until it is stopped, in `dir`. */
  readonly endless: (dir: string) => readonly [string, ...string[]]
  /** A program that ends with that exit code soon; undefined where a test ends it. */
  readonly exits: (dir: string, code: number) => readonly [string, ...string[]]
  /** Makes a program that `exits` gave end, where it does not by itself. */
  readonly end?: (runtime: Runtime, handle: RunHandle, code: number) => void
  /** What each start asks for besides. */
  readonly spec?: Partial<RunSpec>
}

const forever = new AbortController().signal
const ignore = (): undefined => undefined

/** The promises of the Runtime seam. */
export function runtimeContract(name: string, setup: RuntimeSetup): void {
  describe(`${name} keeps the runtime contract`, () => {
    let dir: string
    let handles: [Runtime, RunHandle][]

    beforeEach(() => {
      dir = mkdtempSync(join(tmpdir(), 'p2pp-runtime-'))
      handles = []
    })

    afterEach(async () => {
      for (const [runtime, handle] of handles) await runtime.stop(handle, 0)
      rmSync(dir, { recursive: true, force: true })
    })

    const specOf = (command: RunSpec['command']): RunSpec => {
      const runDir = mkdtempSync(join(dir, 'run-'))
      mkdirSync(join(dir, 'out'), { recursive: true })
      return {
        instance: 'app@1.0.0',
        command,
        workDir: dir,
        env: { PATH: '/usr/bin:/bin' },
        stdoutPath: join(dir, 'out', 'stdout'),
        stderrPath: join(dir, 'out', 'stderr'),
        runDir,
        rootDir: dir,
        hiddenDirs: [],
        limits: {},
        sandbox: 'off',
        ...setup.spec,
      }
    }

    const start = async (runtime: Runtime, command: RunSpec['command']): Promise<RunHandle> => {
      const handle = await runtime.start(specOf(command), ignore, forever)
      handles.push([runtime, handle])
      return handle
    }

    it('says for each limit what enforces it, or why nothing does', async () => {
      const support = await setup.create().support()
      for (const one of [support.cpu, support.memory, support.pids, support.sandbox]) {
        expect(one.enforced ? one.by : one.why).not.toBe('')
      }
    })

    it('starts, reports usage, and stops', async () => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.endless(dir))
      expect(await runtime.adopt(handle)).toBe(true)
      expect((await runtime.usage(handle)).processes).toBeGreaterThan(0)
      expect((await runtime.stop(handle, 5000)).kind).toBe('signaled')
      expect(await runtime.adopt(handle)).toBe(false)
      expect((await runtime.usage(handle)).processes).toBe(0)
    })

    it('stops twice without harm, and knows the end each time', async () => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.endless(dir))
      const first = await runtime.stop(handle, 5000)
      expect(await runtime.stop(handle, 5000)).toEqual(first)
    })

    it('gives a handle that is plain JSON', async () => {
      const handle = await start(setup.create(), setup.endless(dir))
      expect(JSON.parse(JSON.stringify(handle))).toEqual(handle)
    })

    it('takes a program over in the next daemon, and stops it there', async () => {
      const handle = await start(setup.create(), setup.endless(dir))
      const next = setup.create()
      const stored = JSON.parse(JSON.stringify(handle)) as RunHandle
      expect(await next.adopt(stored)).toBe(true)
      expect((await next.stop(stored, 5000)).kind).toBe('signaled')
    })

    it('does not take another process for the program', async () => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.endless(dir))
      expect(await runtime.adopt({ ...handle, startTicks: handle.startTicks + 1 })).toBe(false)
    })

    it.each([0, 3])('knows the exit code %d', async (code) => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.exits(dir, code))
      setup.end?.(runtime, handle, code)
      expect(await runtime.wait(handle, forever)).toEqual({ kind: 'exited', code })
    })

    it('knows the exit code in the next daemon, though nobody waited', async () => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.exits(dir, 7))
      setup.end?.(runtime, handle, 7)
      await waitFor('the end of the program', async () => !(await runtime.adopt(handle)))
      expect(await setup.create().wait(handle, forever)).toEqual({ kind: 'exited', code: 7 })
    })

    it('ends a wait when the signal aborts, and the program goes on', async () => {
      const runtime = setup.create()
      const handle = await start(runtime, setup.endless(dir))
      const stop = new AbortController()
      const wait = runtime.wait(handle, stop.signal)
      stop.abort(new Error('enough'))
      await expect(wait).rejects.toThrow('enough')
      expect(await runtime.adopt(handle)).toBe(true)
    })

    it('tells the handle before the program begins, and gives the same', async () => {
      const runtime = setup.create()
      const told: RunHandle[] = []
      const spec = specOf(setup.endless(dir))
      const handle = await runtime.start(spec, (one) => told.push(one), forever)
      handles.push([runtime, handle])
      expect(told).toEqual([handle])
    })

    it('begins nothing when the handle cannot be written down', async () => {
      const runtime = setup.create()
      let told: RunHandle | undefined
      const full = (handle: RunHandle): never => {
        told = handle
        throw new PlaygroundError('STATE_DISK', 'no room')
      }
      const starting = runtime.start(specOf(setup.exits(dir, 0)), full, forever)
      await expect(starting).rejects.toMatchObject({ code: 'STATE_DISK' })
      if (told === undefined) throw new Error('it was told no handle')
      expect(await runtime.adopt(told)).toBe(false)
      expect((await runtime.usage(told)).processes).toBe(0)
    })

    it('refuses a program that is not there with RUNTIME_SPAWN', async () => {
      const starting = setup.create().start(specOf([join(dir, 'missing')]), ignore, forever)
      await expect(starting).rejects.toMatchObject({ code: 'RUNTIME_SPAWN' })
    })

    it('starts in a sandbox that is required, or refuses with RUNTIME_SANDBOX', async () => {
      const runtime = setup.create()
      const spec = { ...specOf(setup.endless(dir)), sandbox: 'required' as const }
      if ((await runtime.support()).sandbox.enforced) {
        handles.push([runtime, await runtime.start(spec, ignore, forever)])
      } else {
        await expect(runtime.start(spec, ignore, forever)).rejects.toMatchObject({
          code: 'RUNTIME_SANDBOX',
        })
      }
    })

    it('starts nothing once the signal has aborted', async () => {
      const starting = setup
        .create()
        .start(specOf(setup.endless(dir)), ignore, AbortSignal.abort(new Error('no')))
      await expect(starting).rejects.toThrow('no')
    })
  })
}
