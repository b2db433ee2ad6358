import type { DatabaseSync } from 'node:sqlite'

/** One entry a version of the state: what takes the version before to it. Kept for good, so that any old state can be read. */
const STEPS = [
  `CREATE TABLE instances (app TEXT, version TEXT, record TEXT NOT NULL, PRIMARY KEY (app, version)) WITHOUT ROWID;
   CREATE TABLE floors (app TEXT PRIMARY KEY, version TEXT NOT NULL, created_at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE digests (app TEXT, version TEXT, digest TEXT NOT NULL, PRIMARY KEY (app, version)) WITHOUT ROWID;
   CREATE TABLE events (
     seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, type TEXT NOT NULL, app TEXT, version TEXT,
     message TEXT NOT NULL, code TEXT, by TEXT
   );
   CREATE TABLE peers (address TEXT PRIMARY KEY) WITHOUT ROWID;
   CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX nonces_by_expiry ON nonces (expires_ms);`,
  `CREATE TABLE apps (app TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE failures (id INTEGER PRIMARY KEY, app TEXT NOT NULL, bundle TEXT NOT NULL);
   CREATE INDEX failures_by_app ON failures (app, id);
   CREATE TABLE quarantine (app TEXT, version TEXT, record TEXT, why TEXT NOT NULL);
   CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;`,
  // Nonces that are there count as claimed when they are looked at next: no boot clock shows as much.
  `ALTER TABLE nonces ADD COLUMN claimed_boot_ms INTEGER NOT NULL DEFAULT ${String(Number.MAX_SAFE_INTEGER)};
   DROP INDEX nonces_by_expiry;
   CREATE INDEX nonces_by_claim ON nonces (claimed_boot_ms);`,
] as const

export const SCHEMA_VERSION = STEPS.length

/** Brings the tables to a version, by default this one, in one transaction; gives the version that was found. */
export function migrate(db: DatabaseSync, version: number = SCHEMA_VERSION): number {
  db.exec('BEGIN IMMEDIATE')
  const found = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  for (const step of STEPS.slice(found, version)) db.exec(step)
  if (found < version) db.exec(`PRAGMA user_version = ${String(version)}`)
  db.exec('COMMIT')
  return found
}
