import { PlaygroundError, errorMessage, isPlaygroundError, systemCode } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import { runAs } from './plugin-scope.js'
import type { PluginIdentity } from './plugin-scope.js'
import { withinLimit } from './within-limit.js'

/** What guards know of the plugin they guard. */
export interface GuardedPlugin {
  readonly identity: PluginIdentity
  readonly name: string
  /** `@acme/p2p-health-redis 1.2.0`. */
  readonly shown: string
  /** `health-checker "redis" (@acme/p2p-health-redis 1.2.0)`. */
  readonly label: string
  readonly clock: Clock
}

/** Calls a plugin as itself; what it throws bears its name, unless it says already what kind of failure it is. */
export async function guardedCall<Value>(
  plugin: GuardedPlugin,
  work: () => Value | PromiseLike<Value>,
  signal?: AbortSignal,
): Promise<Value> {
  try {
    return await runAs(plugin.identity, work)
  } catch (error) {
    signal?.throwIfAborted()
    throw named(plugin, error)
  }
}

/**
 * The same for what must not take long: nothing of the daemon waits longer, and the signal that `work` is given aborts then.
 * @throws PLUGIN_FAILED
 */
export async function guardedCallWithin<Value>(
  plugin: GuardedPlugin,
  limit: { readonly limitMs: number; readonly what: string },
  work: (late: AbortSignal) => Value | PromiseLike<Value>,
): Promise<Value> {
  const { limitMs, what } = limit
  try {
    return await withinLimit((late) => runAs(plugin.identity, () => work(late)), {
      clock: plugin.clock,
      limitMs,
      late: `${what} has not ended`,
    })
  } catch (error) {
    throw named(plugin, error)
  }
}

/** Failures with a code of ours or of the system are told by it, by whoever called. */
function named(plugin: GuardedPlugin, error: unknown): unknown {
  if (isPlaygroundError(error) || systemCode(error) !== undefined) return error
  return failed(plugin, errorMessage(error), error)
}

export function failed(plugin: GuardedPlugin, why: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('PLUGIN_FAILED', `${plugin.label} failed: ${why}`, {
    hint: 'That is for the author of the plugin to mend.',
    cause,
  })
}
