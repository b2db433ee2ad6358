import { newInstanceRecord } from '@p2p-playground/core'
import type { RestartPolicy } from '@p2p-playground/core/reconcile'
import { expect, it } from 'vitest'
import { failureOf } from './run-end.js'

it('keeps of a failure how its last lines begin, however long they are', () => {
  const record = newInstanceRecord({ app: 'web', version: '1.0.0' }, '')
  const ended = { exit: { kind: 'exited', code: 1 }, atMs: 0, unhealthy: false } as const
  const restart: RestartPolicy = {
    policy: 'always',
    delayMs: 0,
    backoffMaxMs: 0,
    maxAttempts: 1,
    windowMs: 1,
  }
  const lines = [
    { stream: 'stderr', line: 'x'.repeat(256 * 1024) },
    { stream: 'stdout', line: 'short' },
  ]
  const end = { record, ended, asked: false, restart }
  const failure = failureOf(end, { atMs: 0, health: null, lines })
  const [long, short] = failure?.lines ?? []
  expect(long?.line).toMatch(/^x{4096}…$/)
  expect(short?.line).toBe('short')
})
