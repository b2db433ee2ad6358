import type { DaemonLogEntry } from '@p2p-playground/core'
import { FakeClock } from '@p2p-playground/testkit'
import { onTestFinished } from 'vitest'
import { DaemonLog } from './daemon-log.js'
import type { DaemonLogOptions } from './daemon-log.js'
import { readFeeds } from './follower.js'
import type { LogAnswer } from './log-feed.js'
import type { StoreQuery } from './log-query.js'

export function logIn(dir: string, options: Partial<DaemonLogOptions> = {}): DaemonLog {
  const clock = new FakeClock()
  const log = new DaemonLog({ dir, node: 'n', clock, redact: (text) => text, ...options })
  onTestFinished(() => log.close())
  return log
}

export async function answers(
  log: DaemonLog,
  query: Partial<StoreQuery> = {},
): Promise<LogAnswer[]> {
  const found: LogAnswer[] = []
  for await (const answer of readFeeds([log], { kinds: ['daemon'], ...query }).answers) {
    found.push(answer)
  }
  return found
}

export async function read(
  log: DaemonLog,
  query: Partial<StoreQuery> = {},
): Promise<DaemonLogEntry[]> {
  const found = await answers(log, query)
  return found.flatMap(({ entries }) => entries.filter((entry) => entry.kind === 'daemon'))
}

export const numbers = (count: number, from = 1): number[] =>
  Array.from({ length: count }, (_, index) => from + index)
