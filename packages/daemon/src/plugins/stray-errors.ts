import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Logger } from '@p2p-playground/core'
import { runningPlugin } from './plugin-scope.js'
import type { PluginIdentity } from './plugin-scope.js'

/** A plugin that fails again and again is told of once in that time, with how often it was. */
const QUIET_MS = 60_000

/**
 * The plugin that an error nobody caught came out of: the one whose timer, socket or promise it was, or whose file the
 * stack begins in. Undefined when the daemon's own code stands anywhere on the stack: it was cut off in the middle.
 */
export function culpritOf(
  error: unknown,
  from: {
    readonly running: PluginIdentity | undefined
    readonly plugins: readonly PluginIdentity[]
    /** Directory of the daemon's own package. */
    readonly ownRoot: string
  },
): PluginIdentity | undefined {
  const files = filesOn(error instanceof Error ? (error.stack ?? '') : '')
  const pluginAt = (file: string): PluginIdentity | undefined =>
    from.plugins.find(({ root }) => isWithin(file, root))
  const isOwn = (file: string): boolean =>
    pluginAt(file) === undefined &&
    isWithin(file, from.ownRoot) &&
    !file.slice(from.ownRoot.length).includes(`${sep}node_modules${sep}`)
  if (files.some(isOwn)) return undefined
  const [first] = files
  return from.running ?? (first === undefined ? undefined : pluginAt(first))
}

/** Paths of the frames of a stack, without those of Node itself. */
function filesOn(stack: string): string[] {
  return [...stack.matchAll(/(?:file:\/\/)?(\/[^\n()]+?):\d+:\d+\)?$/gm)].map((match) =>
    decodeURI(match[1] ?? ''),
  )
}

function isWithin(file: string, root: string): boolean {
  return file.startsWith(root.endsWith(sep) ? root : root + sep)
}

export interface StrayErrorOptions {
  readonly plugins: () => readonly PluginIdentity[]
  readonly logger: Pick<Logger, 'error'>
  readonly clock: Clock
  /** Told as often as the log is. */
  readonly onStray: (message: string) => void
}

/**
 * Keeps the process alive when a plugin throws or rejects where nobody can catch it; everything else ends it as ever. After
 * a call of the function that it gives, nothing more is said: the daemon ends, and plugins may have left timers behind.
 */
export function surviveStrayErrors(options: StrayErrorOptions): () => void {
  const ownRoot = packageRootOf(fileURLToPath(import.meta.url))
  const told = new Map<string, { atMs: number; times: number }>()
  let isQuiet = false
  const tell = (plugin: PluginIdentity, error: unknown): void => {
    if (isQuiet) return
    const nowMs = options.clock.monotonic()
    const last = told.get(plugin.root)
    if (last !== undefined && nowMs - last.atMs < QUIET_MS) {
      last.times += 1
      return
    }
    told.set(plugin.root, { atMs: nowMs, times: 0 })
    const { package: name, version } = plugin
    options.logger.error('plugin-stray-error', {
      package: name,
      version,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      unsaid: last?.times ?? 0,
    })
    options.onStray(
      `plugin ${name} ${version} threw where nobody could catch it: ${errorMessage(error)}`,
    )
  }
  const onError = (error: unknown): void => {
    const running = runningPlugin()
    const culprit = culpritOf(error, { running, plugins: options.plugins(), ownRoot })
    if (culprit !== undefined) {
      tell(culprit, error)
      return
    }
    process.stderr.write(`${inspect(error)}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', onError)
  process.on('unhandledRejection', onError)
  return () => {
    isQuiet = true
  }
}

function packageRootOf(path: string): string {
  let dir = dirname(path)
  while (!existsSync(join(dir, 'package.json')) && dirname(dir) !== dir) dir = dirname(dir)
  return dir
}
