import type { Enforcement, RuntimeSupport } from '@p2p-playground/core'
import { harmless } from './format.js'

/** `process: cpu, memory, pids not limited (WHY), sandbox by bubblewrap, …`: what one runtime can do on a node. */
export function supportLine(name: string, support: RuntimeSupport): string {
  const limits = new Map<string, string[]>()
  for (const limit of ['cpu', 'memory', 'pids'] as const) {
    const shown = limited(support[limit])
    limits.set(shown, [...(limits.get(shown) ?? []), limit])
  }
  const parts = [
    ...[...limits].map(([shown, names]) => `${names.join(', ')} ${shown}`),
    `sandbox ${given(support.sandbox)}`,
    `users ${given(support.user)}`,
    `network ${counted(support.network)}`,
  ]
  return harmless(`${name}: ${parts.join(', ')}`)
}

function limited(enforcement: Enforcement): string {
  return enforcement.enforced ? `limited by ${enforcement.by}` : `not limited (${enforcement.why})`
}

function given(enforcement: Enforcement): string {
  return enforcement.enforced ? `by ${enforcement.by}` : `none (${enforcement.why})`
}

function counted(network: Enforcement | undefined): string {
  if (network?.enforced === true) return `counted by ${network.by}`
  return network === undefined ? 'not counted' : `not counted (${network.why})`
}
