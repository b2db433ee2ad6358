import type { AppRow } from '@p2p-playground/core'
import { age, counted, harmless, paintState, table } from './format.js'

/** Instances as people read them. */
export async function appTable(rows: readonly AppRow[]): Promise<string> {
  const cells = appsTogether(rows).map((row) => [
    harmless(row.node),
    row.app,
    row.version + (row.active ? '' : ' (not active)'),
    paintState(row.state),
    row.pid === null ? '' : String(row.pid),
    Object.entries(row.ports)
      .map(([name, port]) => `${name}=${String(port)}`)
      .join(','),
    row.pid === null ? '' : age(row.startedAtMs),
    harmless(reasonOf(row)),
  ])
  return table(['NODE', 'APP', 'VERSION', 'STATE', 'PID', 'PORTS', 'UP', 'REASON'], cells)
}

/** Of each node the versions of an app one after the other, in the order in which they came to it. */
function appsTogether(rows: readonly AppRow[]): readonly AppRow[] {
  const places = new Map<string, number>()
  for (const { node, app } of rows)
    for (const key of [node, `${node}\0${app}`]) if (!places.has(key)) places.set(key, places.size)
  const placeOf = (key: string): number => places.get(key) ?? 0
  return rows.toSorted(
    (a, b) =>
      placeOf(a.node) - placeOf(b.node) ||
      placeOf(`${a.node}\0${a.app}`) - placeOf(`${b.node}\0${b.app}`),
  )
}

/** Why it is as it is; else how it failed last, and how often it was started again. */
function reasonOf(row: AppRow): string {
  const restarts = row.restarts === 0 ? '' : counted(row.restarts, 'restart')
  const last = row.lastFailure === '' ? '' : `last failure: ${row.lastFailure}`
  const why = row.reason === '' ? last : row.reason
  return [why, restarts, row.limits].filter((text) => text !== '').join('; ')
}
