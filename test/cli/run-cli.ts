import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { BIN, cleanEnv } from '../harness/command.js'

export interface CliResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

export interface CliOptions {
  readonly home?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A command that runs it, such as `unshare --net`. */
  readonly through?: readonly string[] | undefined
}

/** Runs the real executable to its end, away from any terminal. */
export async function runCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const started = performance.now()
  const [command, ...before] = [...(options.through ?? []), BIN]
  const child = spawn(command, [...before, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnv(), P2P_PLAYGROUND_HOME: options.home, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>()
  child.once('error', reject)
  child.once('close', (status, signal) => {
    resolve({ status, signal, ...output, tookMs: performance.now() - started })
  })
  return promise
}

/** What runs a command as a user without rights; root may read all. */
export const asSomebodyElse =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    : undefined

/** A fresh home for each test of a file, and commands in it. */
export function homeOfEachTest(): {
  readonly path: string
  readonly cli: (...args: string[]) => Promise<CliResult>
  readonly inHome: (name: string) => string
} {
  let home: ReturnType<typeof makeHome>
  beforeEach(() => {
    home = makeHome()
  })
  afterEach(() => {
    home.remove()
  })
  return {
    get path() {
      return home.path
    },
    cli: (...args) => runCli(args, { home: home.path }),
    inHome: (name) => join(home.path, name),
  }
}

/** A fresh home; whoever asks for it removes it. */
export function makeHome(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'p2p-cli-'))
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true })
    },
  }
}
