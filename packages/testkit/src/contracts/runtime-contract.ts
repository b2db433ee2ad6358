import type { PluginLifecycle, RunHandle, RunSpec, Runtime } from '@p2p-playground/core'
import { registerContract } from './contract-case.js'
import type { ContractCase, ContractHooks } from './contract-case.js'
import { lifecycleCases } from './lifecycle-cases.js'
import { runtimeBench } from './runtime-bench.js'
import { runtimeEndCases } from './runtime-end-cases.js'
import { runtimeHandleCases } from './runtime-handle-cases.js'
import { runtimeStartCases } from './runtime-start-cases.js'

export type Command = RunSpec['command']

/** What a runtime's test gives the suite. Programs lie in the directory that they are asked for. */
export interface RuntimeSetup extends ContractHooks {
  /** A runtime; called again in one test it is the one of the next daemon, beside the same programs. */
  readonly create: () => Runtime & PluginLifecycle
  /** A program that runs until it is stopped, in `dir`. */
  readonly endless: (dir: string) => Command
  /** A program that ends with that exit code soon; undefined where a test ends it. */
  readonly exits: (dir: string, code: number) => Command
  /** Makes a program that `exits` gave end, where it does not by itself. */
  readonly end?: (runtime: Runtime, handle: RunHandle, code: number) => void
  /** A program that lets SIGTERM pass, and creates the file `ready` once it does. */
  readonly stubborn?: ((dir: string, ready: string) => Command) | undefined
  /** A program that writes its further arguments to its output, a newline after each, and ends with 0. */
  readonly prints?: ((dir: string) => Command) | undefined
  /** What each start asks for besides. */
  readonly spec?: Partial<RunSpec>
}

/** The promises of the Runtime seam, for a test with vitest. */
export function runtimeContract(name: string, setup: RuntimeSetup): void {
  registerContract(`${name} keeps the runtime contract`, runtimeCases(setup))
}

/** The promises of the Runtime seam, one a case. */
export function runtimeCases(setup: RuntimeSetup): ContractCase[] {
  const theCase = runtimeBench(setup)
  return [
    ...runtimeStartCases(setup, theCase),
    ...runtimeHandleCases(setup, theCase),
    ...runtimeEndCases(setup, theCase),
    ...lifecycleCases(setup, setup.create),
  ]
}
