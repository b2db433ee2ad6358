import type { Enforcement, InstanceRecord, Runtime, RuntimeSupport } from '@p2p-playground/core'
import type { Launcher } from './engine/launcher.js'

/**
 * For a record: `limits not enforced: WHY` when its manifest asks for a limit that its runtime does not keep here.
 * What a runtime can do is asked once, at the first call.
 */
export function describeLimits(
  launcher: Launcher,
  supports: ReadonlyMap<string, RuntimeSupport>,
): (record: InstanceRecord) => string {
  return (record) => {
    if (record.presence === 'absent') return ''
    const manifest = launcher.manifestOf(record)
    const support = supports.get(launcher.runtimeNameOf(record))
    if (support === undefined) return ''
    const wanted: [unknown, Enforcement][] = [
      [manifest.resources.cpuCores, support.cpu],
      [manifest.resources.memoryBytes, support.memory],
      [manifest.resources.pids, support.pids],
    ]
    const reasons = wanted.flatMap(([limit, enforcement]) =>
      limit === undefined || enforcement.enforced ? [] : [enforcement.why],
    )
    return reasons.length === 0 ? '' : `limits not enforced: ${[...new Set(reasons)].join('; ')}`
  }
}

/** What each runtime can do on this machine. */
export async function readSupports(
  runtimes: ReadonlyMap<string, Runtime>,
): Promise<ReadonlyMap<string, RuntimeSupport>> {
  const entries = [...runtimes].map(
    async ([name, runtime]) => [name, await runtime.support()] as const,
  )
  return new Map(await Promise.all(entries))
}
