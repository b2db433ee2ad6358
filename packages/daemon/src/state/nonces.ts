import type { DatabaseSync } from 'node:sqlite'
import type { NonceClaim, NonceOutcome } from '@p2p-playground/core'

/** About 20 MB; commands come one by one, and each reaches the disk. */
export const MAX_NONCES = 100_000

/**
 * Counts time since a claim by the boot clock of now, whichever boot the claim is of: what that clock shows has passed in any
 * case, and a claim that is ahead of it, being of an earlier boot, counts as made now. So more never counts than has passed.
 */
export function claimNonce(db: DatabaseSync, claim: NonceClaim): NonceOutcome {
  const { nonce, nowMs, bootMs, expiresMs, keepMs } = claim
  db.prepare('UPDATE nonces SET claimed_boot_ms = ?1 WHERE claimed_boot_ms > ?1').run(bootMs)
  db.prepare('DELETE FROM nonces WHERE claimed_boot_ms < ? AND expires_ms < ?').run(
    bootMs - keepMs,
    nowMs,
  )
  if (db.prepare('SELECT 1 FROM nonces WHERE nonce = ?').get(nonce) !== undefined) return 'known'
  const { count } = db.prepare('SELECT count(*) AS count FROM nonces').get() ?? {}
  if (Number(count) >= MAX_NONCES) return 'full'
  db.prepare('INSERT INTO nonces (nonce, expires_ms, claimed_boot_ms) VALUES (?, ?, ?)').run(
    nonce,
    expiresMs,
    bootMs,
  )
  return 'new'
}
