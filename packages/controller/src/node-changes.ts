import { formatInstance } from '@p2p-playground/core'
import type { Heartbeat, InstanceStatus } from '@p2p-playground/core'

/** What is different between two heartbeats of a node, each in a few words; empty when nothing that matters is. */
export function changesBetween(before: Heartbeat, after: Heartbeat): string[] {
  const then = new Map(before.instances.map((one) => [formatInstance(one), one]))
  const now = new Set(after.instances.map(formatInstance))
  const gone = [...then.keys()].filter((name) => !now.has(name))
  return [
    ...nodeChanges(before, after),
    ...after.instances.flatMap((one) => instanceChange(then.get(formatInstance(one)), one)),
    ...gone.map((name) => `${name} is gone`),
  ]
}

function nodeChanges({ node: before }: Heartbeat, { node: after }: Heartbeat): string[] {
  const labels = formatLabels(after.labels)
  return [
    ...(before.startedAtMs === after.startedAtMs ? [] : ['the daemon was started anew']),
    ...(before.version === after.version ? [] : [`daemon ${before.version} → ${after.version}`]),
    ...(before.name === after.name ? [] : [`${before.name} is called ${after.name} now`]),
    ...(formatLabels(before.labels) === labels ? [] : [`labels: ${labels || 'none'}`]),
  ]
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')
}

function instanceChange(before: InstanceStatus | undefined, after: InstanceStatus): string[] {
  const name = formatInstance(after)
  const why = after.reason === '' ? '' : ` (${after.reason})`
  if (before === undefined) return [`${name} is new: ${after.state}${why}`]
  if (before.state !== after.state) return [`${name}: ${before.state} → ${after.state}${why}`]
  if (before.pid !== after.pid && after.pid !== null) return [`${name} runs anew`]
  return !before.active && after.active ? [`${name} is the active version`] : []
}
