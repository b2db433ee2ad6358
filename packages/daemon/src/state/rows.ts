import type { DatabaseSync } from 'node:sqlite'
import { errorMessage, newAppRecord, newInstanceRecord } from '@p2p-playground/core'
import type { AppRecord, InstanceKey, InstanceRecord } from '@p2p-playground/core'

type Row = Readonly<Record<string, unknown>>

/** A record as it was written, by this version or an earlier one that knew fewer fields. */
export function toRecord(row: Row): InstanceRecord {
  const key = { app: String(row['app']), version: String(row['version']) }
  return { ...newInstanceRecord(key, ''), ...parseObject(row['record']), ...key }
}

export function toAppRecord(row: Row): AppRecord {
  const app = String(row['app'])
  return { ...newAppRecord(app), ...parseObject(row['record']), app }
}

function parseObject(text: unknown): object {
  const value: unknown = JSON.parse(String(text))
  if (typeof value === 'object' && value !== null) return value
  throw new Error('it is no object')
}

function whyUnreadable(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}

/** Moves rows that cannot be read out of the way, so that the rest of the node goes on; gives whose they were, and why. */
export function setAsideUnreadable(db: DatabaseSync): { key: InstanceKey; why: string }[] {
  return [
    ...setAside(db, { table: 'instances', where: 'app = ?1 AND version IS ?2', read: toRecord }),
    ...setAside(db, { table: 'apps', where: 'app = ?1 AND ?2 IS NULL', read: toAppRecord }),
  ]
}

function setAside(
  db: DatabaseSync,
  from: {
    readonly table: 'instances' | 'apps'
    readonly where: string
    readonly read: (row: Row) => unknown
  },
): { key: InstanceKey; why: string }[] {
  const found: { key: InstanceKey; why: string }[] = []
  for (const row of db.prepare(`SELECT * FROM ${from.table}`).all()) {
    const why = whyUnreadable(() => from.read(row))
    if (why === undefined) continue
    const { app = null, version = null, record = null } = row
    db.prepare('INSERT INTO quarantine VALUES (?, ?, ?, ?)').run(app, version, record, why)
    db.prepare(`DELETE FROM ${from.table} WHERE ${from.where}`).run(app, version)
    found.push({ key: { app: String(app), version: version === null ? '' : String(version) }, why })
  }
  return found
}
