/** One figure over the last hour. Null: not measured. */
export interface UsageFigure {
  readonly current: number | null
  readonly average: number | null
  readonly peak: number | null
  /** One for each time of `sampledAtMs`; empty unless the samples were asked for. */
  readonly samples: readonly (number | null)[]
}

interface Sampled {
  /** Milliseconds since the epoch, oldest first; empty unless the samples were asked for. */
  readonly sampledAtMs: readonly number[]
  /** Cores in use: 0.5 is half of one. */
  readonly cpuCores: UsageFigure
  readonly memoryBytes: UsageFigure
  /** Of a node: what is used of the disk that holds the apps. Of an instance: what its version directory takes. */
  readonly diskBytes: UsageFigure
  /** Of a node: all interfaces but the loopback. Of an instance: its IP packets, those over the loopback too. */
  readonly networkInBytesPerSecond: UsageFigure
  readonly networkOutBytesPerSecond: UsageFigure
}

/** What a node used in the last hour, all programs of the machine together. */
export type NodeUsage = Sampled

/** What one instance used in the last hour. */
export interface InstanceUsage extends Sampled {
  readonly processes: UsageFigure
}
