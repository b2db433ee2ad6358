export const UPDATE_POLICIES = ['immediate', 'graceful', 'manual'] as const

/** When a new version takes the active one's place: at once, when that one ends by itself, or when somebody says so. */
export type UpdatePolicy = (typeof UPDATE_POLICIES)[number]

/** A version that is to become the active one. */
export interface PendingVersion {
  readonly version: string
  readonly policy: UpdatePolicy
  /** Since when it waits, boot clock (`Clock.monotonic`). */
  readonly sinceMs: number
}

/** A version that became the active one and has to prove itself. */
export interface Trial {
  readonly version: string
  /** The version that it replaced, when that one was well; rolled back to when none is stable. */
  readonly previous: string | null
  /** Boot clock of its first start; null before. */
  readonly beganMs: number | null
  /** Boot clock since which it has been watched: it was healthy for long enough. Null before. */
  readonly provedMs: number | null
}

/** What a node keeps of an app as a whole, beside its versions. */
export interface AppRecord {
  readonly app: string
  readonly pending: PendingVersion | null
  readonly trial: Trial | null
  /** The last version that passed its trial. */
  readonly stable: string | null
  /** Names that somebody gave to versions; `stable` among them holds that tag where it is. */
  readonly tags: Readonly<Record<string, string>>
  /** Digests that failed their trial; no update policy selects them again. */
  readonly badDigests: readonly string[]
}

export function newAppRecord(app: string): AppRecord {
  return { app, pending: null, trial: null, stable: null, tags: {}, badDigests: [] }
}
