import type { HealthResult } from '../contracts/health-checker.js'
import type { ExitStatus, InstanceKey } from './instance.js'

/** What is kept of a run that failed, before it is restarted away or rolled back. */
export interface FailureBundle extends InstanceKey {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** Null when it could not be started. */
  readonly exit: ExitStatus | null
  /** One sentence. */
  readonly reason: string
  /** Starts of this generation so far, the failed one included. */
  readonly starts: number
  /** The last health check before the end; null when there was none. */
  readonly health: HealthResult | null
  /** The last lines that it wrote, at most 200, each with its stream; of a very long one, how it begins. */
  readonly lines: readonly { readonly stream: string; readonly line: string }[]
}
