/** One line as Loki takes it. */
export interface PushEntry {
  /** Seconds since the epoch. */
  readonly seconds: number
  /** Nanoseconds within the second. */
  readonly nanos: number
  readonly line: string
  /** Structured metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Lines with the same labels, in their order. */
export interface PushStream {
  readonly labels: Readonly<Record<string, string>>
  readonly entries: readonly PushEntry[]
}

/** What one request carries. */
export type PushRequest = readonly PushStream[]
