import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { formatDuration } from '@p2p-playground/core/duration'
import { PlaygroundError, isErrorCode } from '@p2p-playground/core/errors'
import type { Home } from '@p2p-playground/core/home'
import { readRunFile } from '@p2p-playground/daemon/run-file'
import type { RunFile } from '@p2p-playground/daemon/run-file'

/**
 * A small young generation and lean code keep an idle daemon small; the large initial limit keeps buffers that pass through
 * from setting off a collection every few megabytes; `releaseMemorySoon` collects when all is quiet. It collects on one
 * thread: others beside it cost a transfer more than they save.
 */
const NODE_FLAGS = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--initial-old-space-size=256',
  '--single-threaded-gc',
  '--expose-gc',
]
/**
 * For the C library (mallopt(3)). Each thread would keep a heap of its own with what one compilation took once: two for all are
 * enough. What V8 compiles with comes in blocks of 32 KiB, and the holes that they leave in a heap stay for good: 10 MiB of
 * an idle daemon. Mapped by themselves they are given back.
 */
const DAEMON_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '32768' }
const READY_MS = 30_000
const LOOK_MS = 20

export interface StartOptions {
  readonly home: Home
  readonly config: string | undefined
  readonly environment: string | undefined
}

/** The daemon under this home, when one runs. */
export async function daemonStatus(home: Home): Promise<RunFile | undefined> {
  return readRunFile(home.runFile)
}

/** Starts a daemon in the background; resolves when it answers. @throws what kept it from starting */
export async function startInBackground(options: StartOptions): Promise<RunFile> {
  await refuseSecond(options.home)
  await mkdir(dirname(options.home.runFile), { recursive: true, mode: 0o700 })
  const errorsPath = join(dirname(options.home.runFile), 'daemon.err')
  const errors = await open(errorsPath, 'w', 0o600)
  const child = spawn(process.execPath, [...NODE_FLAGS, ...daemonArgs(options)], {
    detached: true,
    stdio: ['ignore', 'ignore', errors.fd, 'pipe'],
    cwd: '/',
    env: { ...DAEMON_ENV, ...process.env },
  })
  // Read at once: a pipe that is closed before that says nothing of it any more.
  const [line] = await Promise.all([readLine(child, errorsPath), errors.close()])
  child.unref()
  const message = JSON.parse(line) as
    | (RunFile & { ready: true })
    | {
        error: { code: string; message: string; hint?: string; details?: Record<string, unknown> }
      }
  if (!('error' in message)) return message
  const { code, message: text, hint, details } = message.error
  throw new PlaygroundError(isErrorCode(code) ? code : 'NODE_DAEMON_START', text, {
    hint,
    details,
  })
}

/**
 * Runs a daemon with this terminal. Where Node can (22.15), this process becomes the daemon: a supervisor then watches and
 * signals the right one, and nothing else stays in memory. Otherwise resolves with its exit code.
 */
export async function runInForeground(options: StartOptions, signal: AbortSignal): Promise<number> {
  await refuseSecond(options.home)
  const args = [...NODE_FLAGS, ...daemonArgs(options), '--foreground']
  const env = { ...DAEMON_ENV, ...process.env }
  process.execve?.(process.execPath, [process.execPath, ...args], env)
  const child = spawn(process.execPath, args, { stdio: 'inherit', env })
  const stop = (): void => {
    child.kill('SIGTERM')
  }
  signal.addEventListener('abort', stop)
  const { promise, resolve } = Promise.withResolvers<number>()
  child.once('exit', (code) => {
    resolve(code ?? 1)
  })
  return promise
}

/** SIGTERM, and waits until it is gone. False when none ran. @throws NODE_DAEMON_START when it does not end */
export async function stopDaemon(home: Home, timeoutMs: number): Promise<RunFile | undefined> {
  const running = await daemonStatus(home)
  if (running === undefined) return undefined
  process.kill(running.pid, 'SIGTERM')
  const deadline = performance.now() + timeoutMs
  while (!(await isGone(running))) {
    if (performance.now() > deadline) {
      throw new PlaygroundError(
        'NODE_DAEMON_STOPPED',
        `the daemon (pid ${String(running.pid)}) has not ended within ${formatDuration(timeoutMs)}`,
        {
          hint: `Its apps are safe: kill -9 ${String(running.pid)} ends it at once.`,
        },
      )
    }
    await delay(LOOK_MS)
  }
  return running
}

async function isGone(running: RunFile): Promise<boolean> {
  const { startTicksOf } = await import('@p2p-playground/daemon/run-file')
  return startTicksOf(running.pid) !== running.startTicks
}

async function refuseSecond(home: Home): Promise<void> {
  const running = await daemonStatus(home)
  if (running === undefined) return
  throw new PlaygroundError(
    'NODE_DAEMON_RUNNING',
    `a daemon runs already (pid ${String(running.pid)})`,
    {
      hint: 'Stop it with "p2p-playground daemon stop", or use another --home.',
    },
  )
}

function daemonArgs(options: StartOptions): string[] {
  const entry = fileURLToPath(import.meta.resolve('@p2p-playground/daemon/entry'))
  return [
    entry,
    ...(process.env['P2P_PLAYGROUND_HOME'] === undefined
      ? []
      : ['--home', process.env['P2P_PLAYGROUND_HOME']]),
    ...(options.config === undefined ? [] : ['--config', options.config]),
    ...(options.environment === undefined ? [] : ['--env', options.environment]),
  ]
}

async function readLine(child: ReturnType<typeof spawn>, errorsPath: string): Promise<string> {
  const pipe = child.stdio[3] as Readable
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  pipe.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    if (text.includes('\n')) resolve(text)
  })
  pipe.once('close', () => {
    reject(endedEarly(errorsPath))
  })
  child.once('error', reject)
  const timer = setTimeout(() => {
    child.kill('SIGTERM')
    reject(
      new PlaygroundError(
        'NODE_DAEMON_START',
        `the daemon was not ready within ${formatDuration(READY_MS)}`,
      ),
    )
  }, READY_MS)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    pipe.destroy()
  }
}

/** A daemon that dies without a word has at most left something on its stderr. */
function endedEarly(errorsPath: string): PlaygroundError {
  const said = readFileSync(errorsPath, 'utf8').trim()
  const why = said.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? ''
  return new PlaygroundError(
    'NODE_DAEMON_START',
    `the daemon ended before it was ready${why === '' ? '' : `: ${why}`}`,
    {
      hint:
        said === ''
          ? 'Try "p2p-playground daemon start --foreground".'
          : `All it said: ${errorsPath}`,
    },
  )
}
