import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { MAX_NONCES, claimNonce } from './nonces.js'
import { migrate } from './schema.js'

function tables(): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  migrate(db)
  return db
}

function claimedAt(nowMs: number, bootMs: number, nonce = 'a'): Parameters<typeof claimNonce>[1] {
  return { nonce, nowMs, bootMs, expiresMs: nowMs + 100, keepMs: 100 }
}

describe('claimNonce', () => {
  it.each([
    ['neither clock has got there', 1050, 150, 'known'],
    ['only the wall clock has', 5000, 150, 'known'],
    ['only the boot clock has', 1050, 500, 'known'],
    ['both have', 1101, 201, 'new'],
    ['the machine started anew, just now', 5000, 0, 'known'],
    ['the machine started anew, a while ago', 5000, 99, 'known'],
  ] as const)('when %s', (_, nowMs, bootMs, outcome) => {
    const db = tables()
    expect(claimNonce(db, claimedAt(1000, 100))).toBe('new')
    expect(claimNonce(db, claimedAt(nowMs, bootMs))).toBe(outcome)
  })

  it('counts a claim of an earlier boot from the first one of this boot', () => {
    const db = tables()
    claimNonce(db, claimedAt(1000, 10_000))
    expect(claimNonce(db, claimedAt(5000, 20))).toBe('known')
    expect(claimNonce(db, claimedAt(5000, 120))).toBe('known')
    expect(claimNonce(db, claimedAt(5000, 121))).toBe('new')
  })

  it('forgets none when there are too many, and takes no more until some may be forgotten', () => {
    const db = tables()
    db.exec(`WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${String(MAX_NONCES)})
      INSERT INTO nonces SELECT 'n' || i, 1000, 0 FROM n`)
    expect(claimNonce(db, claimedAt(2000, 50))).toBe('full')
    expect(claimNonce(db, claimedAt(2000, 50, 'n1'))).toBe('known')
    expect(claimNonce(db, claimedAt(2000, 101))).toBe('new')
  })
})
