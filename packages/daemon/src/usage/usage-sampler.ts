import { errorMessage, formatInstance } from '@p2p-playground/core'
import type {
  Clock,
  InstanceKey,
  InstanceUsage,
  Logger,
  NodeUsage,
  ResourceUsage,
  RunHandle,
  UsageFigure,
} from '@p2p-playground/core'
import { DiskMeter } from './disk-meter.js'
import { trafficBetween } from './node-counters.js'
import type { NodeCounters } from './node-counters.js'
import { RunRate } from './run-rate.js'
import { Series } from './series.js'

const SAMPLE_MS = 10_000
/** Rates need two looks: the second comes soon. */
const SECOND_MS = 1000
const KEPT_MS = 3_600_000
const CAPACITY = KEPT_MS / SAMPLE_MS + 2
/** A sample older than this says nothing of now. */
const CURRENT_MS = 3 * SAMPLE_MS

const NODE_COLUMNS = ['cpuCores', 'memoryBytes', 'diskBytes', 'inRate', 'outRate'] as const
const INSTANCE_COLUMNS = [
  'cpuCores',
  'memoryBytes',
  'diskBytes',
  'processes',
  'inRate',
  'outRate',
] as const

export interface SampledInstance extends InstanceKey {
  /** Null while it does not run. */
  readonly handle: RunHandle | null
}

/** Where the numbers come from. */
export interface UsageSources {
  node(): Promise<NodeCounters>
  instances(): readonly SampledInstance[]
  usage(key: InstanceKey, handle: RunHandle): Promise<ResourceUsage>
  /** Null when it cannot be told. */
  sizeOf(key: InstanceKey, signal: AbortSignal): Promise<number | null>
}

interface Tracked {
  readonly series: Series<(typeof INSTANCE_COLUMNS)[number]>
  readonly cpu: RunRate
  readonly received: RunRate
  readonly sent: RunRate
}

/** Measures the node and its instances every 10 s, and keeps the last hour in memory. All durations are monotonic. */
export class UsageSampler {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #sources: UsageSources
  readonly #disks: DiskMeter
  readonly #node = new Series(NODE_COLUMNS, CAPACITY)
  readonly #instances = new Map<string, Tracked>()
  readonly #stopping = new AbortController()
  #counters: { readonly atMs: number; readonly values: NodeCounters } | undefined
  #previousMs: number | undefined
  #loop: Promise<void> | undefined

  constructor(options: {
    readonly clock: Clock
    readonly logger: Logger
    readonly sources: UsageSources
  }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#sources = options.sources
    const measure: UsageSources['sizeOf'] = (key, signal) => this.#sources.sizeOf(key, signal)
    this.#disks = new DiskMeter({ clock: this.#clock, logger: this.#logger, measure })
  }

  /** Begins, once. */
  start(): void {
    this.#loop ??= this.#run(this.#stopping.signal)
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await this.#disks.settled()
  }

  /** The node over the last hour; null before the first look. */
  node({ samples }: { readonly samples: boolean }): NodeUsage | null {
    if (this.#counters === undefined) return null
    const figure = this.#figures(this.#node, samples)
    return {
      sampledAtMs: samples ? this.#times(this.#node) : [],
      cpuCores: figure('cpuCores'),
      memoryBytes: figure('memoryBytes'),
      diskBytes: figure('diskBytes'),
      networkInBytesPerSecond: figure('inRate'),
      networkOutBytesPerSecond: figure('outRate'),
    }
  }

  /** One instance over the last hour, with samples; null before the first look at it. */
  instance(key: InstanceKey): InstanceUsage | null {
    const series = this.#instances.get(formatInstance(key))?.series
    if (series === undefined) return null
    const figure = this.#figures(series, true)
    return {
      sampledAtMs: this.#times(series),
      cpuCores: figure('cpuCores'),
      memoryBytes: figure('memoryBytes'),
      diskBytes: figure('diskBytes'),
      processes: figure('processes'),
      networkInBytesPerSecond: figure('inRate'),
      networkOutBytesPerSecond: figure('outRate'),
    }
  }

  #figures<Column extends string>(
    series: Series<Column>,
    samples: boolean,
  ): (column: Column) => UsageFigure {
    const nowMs = this.#clock.monotonic()
    return (column) => {
      const figure = series.figure(column, nowMs - KEPT_MS, nowMs - CURRENT_MS)
      return samples ? figure : { ...figure, samples: [] }
    }
  }

  /** By the wall clock as it stands now: samples taken before somebody set it keep their age. */
  #times(series: Pick<Series<string>, 'times'>): number[] {
    const nowMs = this.#clock.monotonic()
    const wallMs = this.#clock.now()
    return series.times(nowMs - KEPT_MS).map((atMs) => Math.round(wallMs - (nowMs - atMs)))
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let waitMs = SECOND_MS; ; waitMs = SAMPLE_MS) {
      await this.#look(signal)
      try {
        await this.#clock.sleep(waitMs, signal)
      } catch {
        // Only the stop ends a wait early.
        return
      }
    }
  }

  /** One round. What cannot be measured leaves a gap, and stops nothing. */
  async #look(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonic()
    await this.#lookAtNode().catch((error: unknown) => {
      this.#logger.debug('node-not-measured', { error: errorMessage(error) })
    })
    const instances = this.#sources.instances()
    const names = new Set(instances.map(formatInstance))
    for (const name of this.#instances.keys()) if (!names.has(name)) this.#instances.delete(name)
    // At once: runtimes of processes then look at /proc once for all of them.
    await Promise.all(instances.map((instance) => this.#lookAtInstance(instance)))
    this.#disks.measureNext(instances, signal)
    this.#previousMs = nowMs
  }

  async #lookAtNode(): Promise<void> {
    const values = await this.#sources.node()
    const atMs = this.#clock.monotonic()
    const before = this.#counters
    this.#counters = { atMs, values }
    const elapsedMs = before === undefined ? 0 : atMs - before.atMs
    const perSecond = (amount: number): number | null =>
      elapsedMs === 0 ? null : (Math.max(amount, 0) * 1000) / elapsedMs
    const traffic = trafficBetween(before?.values.interfaces ?? new Map(), values.interfaces)
    const cpuMsPerSecond = perSecond(values.cpuMs - (before?.values.cpuMs ?? 0))
    this.#node.add(atMs, {
      cpuCores: cpuMsPerSecond === null ? null : cpuMsPerSecond / 1000,
      memoryBytes: values.memoryBytes,
      diskBytes: values.diskBytes,
      inRate: perSecond(traffic.inBytes),
      outRate: perSecond(traffic.outBytes),
    })
  }

  async #lookAtInstance({ handle, ...key }: SampledInstance): Promise<void> {
    const { series, cpu, received, sent } = this.#track(key)
    const usage = handle === null ? undefined : await this.#usageOf(key, handle)
    const atMs = this.#clock.monotonic()
    const previousMs = this.#previousMs
    const rate = (of: RunRate, count = NaN): number | null =>
      handle === null ? null : of.look(handle, { count, atMs, previousMs })
    series.add(atMs, {
      cpuCores: rate(cpu, usage?.cpuMs === undefined ? undefined : usage.cpuMs / 1000),
      memoryBytes: usage?.memoryBytes ?? null,
      diskBytes: this.#disks.sizeOf(key),
      processes: usage?.processes ?? null,
      inRate: rate(received, usage?.networkReceivedBytes),
      outRate: rate(sent, usage?.networkSentBytes),
    })
  }

  #track(key: InstanceKey): Tracked {
    const name = formatInstance(key)
    const known = this.#instances.get(name)
    if (known !== undefined) return known
    const tracked = {
      series: new Series(INSTANCE_COLUMNS, CAPACITY),
      cpu: new RunRate(),
      received: new RunRate(),
      sent: new RunRate(),
    }
    this.#instances.set(name, tracked)
    return tracked
  }

  async #usageOf(key: InstanceKey, handle: RunHandle): Promise<ResourceUsage | undefined> {
    try {
      return await this.#sources.usage(key, handle)
    } catch (error) {
      const fields = { instance: formatInstance(key), error: errorMessage(error) }
      this.#logger.debug('instance-not-measured', fields)
      return undefined
    }
  }
}
