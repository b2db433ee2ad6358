import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { join } from 'node:path'
import type { Machine } from './machines.js'

/** The executable that users and scripts call. */
export const BIN = join(import.meta.dirname, '../../node_modules/.bin/p2p-playground')

export interface CliResult {
  /** Exit code; null after a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs on, with what it has printed so far. */
export interface Running {
  readonly child: ChildProcess
  /** Resolves with the exit code, null after a signal. */
  readonly ended: Promise<number | null>
  readonly text: () => string
  /** Resolves once its output matches. @throws when it ends before */
  until(pattern: RegExp): Promise<void>
}

/** Runs the executable on a machine, to its end. */
export async function cli(machine: Machine, ...args: readonly string[]): Promise<CliResult> {
  const child = spawnCli(machine, args)
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const code = await endOf(child)
  return { code, ...output }
}

/** The same; throws with everything it printed unless it ended well. */
export async function cliOk(machine: Machine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(machine, ...args)
  if (code === 0) return stdout
  const shown = `${machine.name}$ p2p-playground ${args.join(' ')}`
  throw new Error(`${shown}: exit ${String(code)}\n${stdout}${stderr}`)
}

/** What it prints with --json. */
export async function cliJson<Value>(machine: Machine, ...args: readonly string[]): Promise<Value> {
  return JSON.parse(await cliOk(machine, ...args, '--json')) as Value
}

/** Starts the executable on a machine and lets it run. */
export function follow(machine: Machine, ...args: readonly string[]): Running {
  const child = spawnCli(machine, args)
  let text = ''
  let wake = (): void => undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
      wake()
    })
  }
  const ended = endOf(child)
  return {
    child,
    ended,
    text: () => text,
    until: async (pattern) => {
      const over = ended.then((code) => {
        if (!pattern.test(text)) throw new Error(`ended with ${String(code)}: ${text}`)
      })
      while (!pattern.test(text)) {
        const { promise, resolve } = Promise.withResolvers<undefined>()
        wake = () => {
          resolve(undefined)
        }
        await Promise.race([promise, over])
      }
      over.catch(() => undefined)
    },
  }
}

function spawnCli(machine: Machine, args: readonly string[]): ChildProcess {
  const options: SpawnOptions = {
    cwd: machine.base,
    env: {
      ...cleanEnv(),
      P2P_PLAYGROUND_HOME: machine.home,
      ...machine.env,
      ...(machine.path === undefined ? {} : { PATH: machine.path }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  }
  if (machine.netns === undefined) return spawn(BIN, args, options)
  return spawn('ip', ['netns', 'exec', machine.netns, BIN, ...args], options)
}

async function endOf(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  return promise
}

/** Nothing of the test runner or of the developer reaches the commands. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(P2P_PLAYGROUND|VITEST|NODE_|DEBUG|NO_COLOR|FORCE_COLOR)/.test(name),
  )
  return Object.fromEntries(kept)
}
