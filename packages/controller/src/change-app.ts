import { Code, ConnectError } from '@connectrpc/connect'
import { PlaygroundError, formatDuration } from '@p2p-playground/core'
import type { AppCommand, AppRow, Clock } from '@p2p-playground/core'
import { instanceFromProto } from '@p2p-playground/proto'
import { callError } from './call-error.js'
import { LAST_WORD_MS, commandFor, limitFor } from './deploy.js'
import { nodeOf } from './known-node.js'
import type { KnownNode } from './known-node.js'
import type { NodeClient } from './survey.js'

/** Where no limit is given. */
const CALL_MS = 60_000

/**
 * Has one node change an app. `begunMs` is when the command began, monotonic.
 * @throws what the node says; APP_WAIT_TIMEOUT where it says nothing until the limit is over
 */
export async function changeApp(
  one: KnownNode,
  command: AppCommand,
  context: { readonly client: NodeClient; readonly clock: Clock; readonly begunMs: number },
  signal: AbortSignal,
): Promise<AppRow[]> {
  const { client, clock, begunMs } = context
  const { timeoutMs } = command
  const limit =
    timeoutMs === undefined
      ? undefined
      : limitFor({ timeoutMs, deadlineMs: begunMs + timeoutMs }, clock)
  const request = {
    command: commandFor(one.peerId, clock),
    action: command.action,
    app: command.app,
    version: command.version ?? '',
    tag: command.tag ?? '',
    secure: command.secure ?? false,
    wait: command.wait ?? false,
    ...limit,
  }
  const callMs = limit === undefined ? CALL_MS : Number(limit.timeoutMs) + LAST_WORD_MS
  try {
    const { instances } = await client.changeApp(request, { signal, timeoutMs: callMs })
    return instances.map((message) => ({ ...nodeOf(one), ...instanceFromProto(message) }))
  } catch (error) {
    if (timeoutMs === undefined || !isSilence(error)) throw error
    const text = `${command.app} was not ready within ${formatDuration(timeoutMs)}: the node is silent`
    throw new PlaygroundError('APP_WAIT_TIMEOUT', text, {
      hint: 'Look with "p2p-playground app list", or give more time with --timeout.',
      cause: error,
    })
  }
}

/** A node whose own time is up says so. */
function isSilence(error: unknown): boolean {
  const isLate = ConnectError.from(error).code === Code.DeadlineExceeded
  return isLate && callError(error).code === 'NODE_UNREACHABLE'
}
