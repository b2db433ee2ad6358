import { errorMessage, limitsBeyond } from '@p2p-playground/core'
import type {
  Enforcement,
  InstanceRecord,
  Logger,
  MachineSize,
  RunLimits,
  Runtime,
  RuntimeSupport,
  SandboxMode,
} from '@p2p-playground/core'
import { limitsOf } from './engine/launcher.js'
import type { Launcher } from './engine/launcher.js'

/** What daemon.yaml asks for all apps, and what the machine has for them. */
export interface NodeWishes {
  readonly defaultLimits: RunLimits
  readonly sandbox: SandboxMode
  readonly machine: MachineSize
}

/**
 * For a record: `limits not enforced: WHY; limits beyond this machine: WHICH; no sandbox: WHY`, or empty when its runtime keeps here what its manifest and
 * daemon.yaml ask for. What a runtime can do is asked once, when the daemon starts.
 */
export function describeLimits(
  launcher: Pick<Launcher, 'manifestOf' | 'runtimeNameOf'>,
  supports: ReadonlyMap<string, RuntimeSupport>,
  node: NodeWishes,
): (record: InstanceRecord) => string {
  return (record) => {
    if (record.presence === 'absent') return ''
    const support = supports.get(launcher.runtimeNameOf(record))
    if (support === undefined) return ''
    const limits = limitsOf(launcher.manifestOf(record), node.defaultLimits)
    const wanted: [unknown, Enforcement][] = [
      [limits.cpuCores, support.cpu],
      [limits.memoryBytes, support.memory],
      [limits.pids, support.pids],
    ]
    const reasons = wanted.flatMap(([limit, enforcement]) =>
      limit === undefined || enforcement.enforced ? [] : [enforcement.why],
    )
    const beyond = limitsBeyond(limits, node.machine).filter(({ limit }) => support[limit].enforced)
    const said = [
      ...(reasons.length === 0 ? [] : [`limits not enforced: ${[...new Set(reasons)].join('; ')}`]),
      ...(beyond.length === 0
        ? []
        : [`limits beyond this machine: ${beyond.map(({ text }) => text).join(', ')}`]),
      ...(node.sandbox === 'off' || support.sandbox.enforced
        ? []
        : [`no sandbox: ${support.sandbox.why}`]),
    ]
    return said.join('; ')
  }
}

/** What each runtime can do on this machine; one that cannot say enforces nothing. */
export async function readSupports(
  runtimes: ReadonlyMap<string, Runtime>,
  logger: Pick<Logger, 'warn'>,
): Promise<ReadonlyMap<string, RuntimeSupport>> {
  const entries = [...runtimes].map(async ([name, runtime]) => {
    try {
      return [name, await runtime.support()] as const
    } catch (error) {
      const why = errorMessage(error)
      logger.warn('support-unknown', { runtime: name, error: why })
      const none = { enforced: false, why } as const
      return [name, { cpu: none, memory: none, pids: none, sandbox: none, user: none }] as const
    }
  })
  return new Map(await Promise.all(entries))
}
