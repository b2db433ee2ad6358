import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { debugLogger } from '../debug-logger.js'
import { explainNpmFailure } from './npm-failure.js'
import type { NpmFailure } from './npm-failure.js'

export interface NpmOptions {
  readonly cwd: string
  /** What it is run for, as it was asked for: messages name it. */
  readonly subject: string
  /** How long one request may take. A registry that is down is asked twice. */
  readonly fetchTimeoutMs?: number
}

/** A package of many megabytes on a slow line. */
const FETCH_TIMEOUT_MS = 30_000

/** Held to whatever the user's own configuration says. */
const ALWAYS = [
  '--json',
  '--loglevel=error',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--global=false',
  // A package of the host is linked, never copied or left out: there is to be one of it.
  '--install-links=false',
  '--include=optional',
]

/**
 * Runs the npm that comes with oclif's plugin commands, and gives what it prints.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_REGISTRY, PLUGIN_API, PLUGIN_INSTALL, STATE_DISK
 */
export async function runNpm(
  args: readonly string[],
  options: NpmOptions,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted()
  const [command = '', ...rest] = args
  const child = spawn(process.execPath, [npmCli(), command, ...ALWAYS, ...rest], {
    cwd: options.cwd,
    env: npmEnv(options.fetchTimeoutMs ?? FETCH_TIMEOUT_MS),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  let spawnError: Error | undefined
  child.once('error', (error) => (spawnError = error))
  child.once('close', resolve)
  child.once('error', (error) => {
    if (child.pid === undefined) reject(error)
  })
  const code = await promise
  signal.throwIfAborted()
  debugLogger.debug('npm', { command, code, ...output })
  if (code === 0) return parseJson(output.stdout)
  throw explainNpmFailure(failureOf(output, spawnError), options.subject)
}

/** `npm` is a dependency of plugin-plugins, which pins it; a machine with nothing but Node has it too. */
function npmCli(): string {
  const plugins = createRequire(import.meta.resolve('@oclif/plugin-plugins'))
  return join(dirname(plugins.resolve('npm/package.json')), 'bin', 'npm-cli.js')
}

/** npm's own defaults try for minutes; what the user set in the environment stays. */
function npmEnv(fetchTimeoutMs: number): NodeJS.ProcessEnv {
  const registry = process.env['P2P_PLAYGROUND_NPM_REGISTRY']
  return {
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '500',
    npm_config_fetch_timeout: String(fetchTimeoutMs),
    ...process.env,
    // Scripts of packages call "node": there may be none but this one.
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    ...(registry === undefined ? {} : { npm_config_registry: registry }),
  }
}

function failureOf(
  output: { readonly stdout: string; readonly stderr: string },
  error: Error | undefined,
): NpmFailure {
  const printed = parseJson(output.stdout) as { error?: Partial<NpmFailure> } | undefined
  const last = output.stderr.trim().split('\n').at(-1) ?? ''
  return {
    code: printed?.error?.code ?? '',
    summary: printed?.error?.summary ?? error?.message ?? last,
    detail: printed?.error?.detail ?? '',
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Some commands print nothing, and an npm that broke off prints half.
    return undefined
  }
}
