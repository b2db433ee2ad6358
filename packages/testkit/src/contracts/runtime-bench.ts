import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OnPlaced, PluginLifecycle, RunHandle, RunSpec, Runtime } from '@p2p-playground/core'
import { forever, inOrder, settled } from './contract-case.js'
import type { ContractCase } from './contract-case.js'
import type { Command, RuntimeSetup } from './runtime-contract.js'

export const ignore: OnPlaced = () => undefined

/** What a case of the runtime suite works with; what it started is stopped at its end. */
export class RuntimeBench {
  readonly dir = mkdtempSync(join(tmpdir(), 'p2pp-runtime-'))
  readonly #setup: RuntimeSetup
  readonly #runtimes: (Runtime & PluginLifecycle)[] = []
  readonly #handles: [Runtime, RunHandle][] = []

  constructor(setup: RuntimeSetup) {
    this.#setup = setup
    mkdirSync(join(this.dir, 'out'))
  }

  /** A runtime, open; the second is that of the next daemon. */
  async create(): Promise<Runtime & PluginLifecycle> {
    const runtime = this.#setup.create()
    this.#runtimes.push(runtime)
    await runtime.open?.(forever)
    return runtime
  }

  specOf(command: Command): RunSpec {
    return {
      instance: 'app@1.0.0',
      command,
      workDir: this.dir,
      env: { PATH: '/usr/bin:/bin' },
      stdoutPath: join(this.dir, 'out', 'stdout'),
      stderrPath: join(this.dir, 'out', 'stderr'),
      runDir: mkdtempSync(join(this.dir, 'run-')),
      rootDir: this.dir,
      hiddenDirs: [],
      limits: {},
      sandbox: 'off',
      ...this.#setup.spec,
    }
  }

  async start(
    runtime: Runtime,
    spec: RunSpec,
    placed: OnPlaced = ignore,
    signal: AbortSignal = forever,
  ): Promise<RunHandle> {
    const handle = await runtime.start(spec, placed, signal)
    this.#handles.push([runtime, handle])
    return handle
  }

  async endless(runtime: Runtime): Promise<RunHandle> {
    return this.start(runtime, this.specOf(this.#setup.endless(this.dir)))
  }

  /** A program that ends, or has ended, with that code. */
  async exits(runtime: Runtime, code: number): Promise<RunHandle> {
    const handle = await this.start(runtime, this.specOf(this.#setup.exits(this.dir, code)))
    this.#setup.end?.(runtime, handle, code)
    return handle
  }

  async clear(): Promise<void> {
    await inOrder([
      // That a stop can be repeated is a case of its own; here it is only to leave nothing behind.
      ...this.#handles.map(
        ([runtime, handle]) =>
          async () =>
            settled(runtime.stop(handle, 0)),
      ),
      ...this.#runtimes.reverse().map((runtime) => async () => runtime.close?.()),
      () => {
        rmSync(this.dir, { recursive: true, force: true })
      },
    ])
  }
}

export type RuntimeCase = (
  name: string,
  body: (bench: RuntimeBench) => Promise<void>,
  leftOut?: string,
) => ContractCase

/** Makes cases that have a bench each. */
export function runtimeBench(setup: RuntimeSetup): RuntimeCase {
  return (name, body, leftOut) => ({
    name,
    leftOut,
    run: async () => {
      let bench: RuntimeBench | undefined
      await inOrder([
        async () => {
          await setup.setup?.()
          bench = new RuntimeBench(setup)
          await body(bench)
        },
        async () => bench?.clear(),
        async () => setup.teardown?.(),
      ])
    },
  })
}

/** A handle as the next daemon reads it from its state. */
export function stored(handle: RunHandle): RunHandle {
  return JSON.parse(JSON.stringify(handle)) as RunHandle
}
