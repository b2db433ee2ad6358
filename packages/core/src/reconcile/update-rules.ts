import type { UpdatePolicy } from '../model/app-record.js'

/** `update` of a manifest: how this version takes over, and what it has to show for it. */
export interface UpdateRules {
  /** Undefined: as the node's configuration says. */
  readonly policy: UpdatePolicy | undefined
  /** A graceful version takes over after so long even when the old one still runs. */
  readonly maxWaitMs: number | undefined
  /** It is proved once it was well for so long without a break. */
  readonly healthyAfterMs: number
  /** It has so long to prove itself, counted from its first start and without `start_period`. */
  readonly deadlineMs: number
  /** A proved version must not fail within so long to be stable. */
  readonly watchMs: number
  readonly autoRollback: boolean
}
