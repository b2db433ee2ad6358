import { join } from 'node:path'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, LogKind, LogSink, LogSinkStatus, Logger, NewEvent } from '@p2p-playground/core'
import type { LogClaims } from '../logs/log-claims.js'
import type { LogFeed } from '../logs/log-feed.js'
import { DeadLetterFile } from './dead-letters.js'
import { LedgerFile } from './ledger-file.js'
import { Shipper } from './shipper.js'
import type { ShipperLimits } from './shipper.js'
import { catalogOf } from './source-catalog.js'

/** A sink that `logging.sinks` names. */
export interface ConfiguredSink {
  readonly name: string
  readonly kinds: readonly LogKind[]
  readonly sink: LogSink
}

export interface ShippingOptions {
  readonly sinks: readonly ConfiguredSink[]
  readonly feeds: Readonly<Record<LogKind, LogFeed>>
  /** A directory for each sink is made in it. */
  readonly dir: string
  readonly clock: Clock
  readonly logger: Logger
  readonly record: (event: NewEvent) => void
  readonly limits?: Partial<ShipperLimits>
}

/** All the log sinks of a node, each with a shipper of its own: none waits for another. */
export class Shipping implements LogClaims {
  readonly #options: ShippingOptions
  #shippers: readonly Shipper[] = []

  constructor(options: ShippingOptions) {
    this.#options = options
  }

  /** All of them or none. @throws STATE_DISK */
  async start(): Promise<void> {
    const { logger, sinks } = this.#options
    const started = await Promise.allSettled(sinks.map((sink) => this.#startOne(sink)))
    this.#shippers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [failure, ...others] = started.filter((one) => one.status === 'rejected')
    if (failure === undefined) return
    for (const { reason } of others)
      logger.error('log-sink-start-failed', { error: errorMessage(reason) })
    await this.stop()
    throw failure.reason
  }

  /** Idempotent. What a sink does not take soon is shipped by the next daemon. */
  async stop(): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.stop()))
  }

  /** In the order of the configuration. */
  status(): LogSinkStatus[] {
    return this.#shippers.map((shipper) => shipper.status())
  }

  neededFrom(source: string, instance: string): number {
    const life = { source, instance }
    const shippers = this.#shippers.filter(({ kinds }) => kinds.includes('app'))
    return Math.min(Infinity, ...shippers.map((shipper) => shipper.neededFrom(life)))
  }

  async beforeRemoval(source: string): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.release(source)))
  }

  async #startOne({ name, kinds, sink }: ConfiguredSink): Promise<Shipper> {
    const { feeds, dir, clock, record, limits = {} } = this.#options
    const logger = this.#options.logger.child({ sink: name })
    return Shipper.start({
      name,
      kinds,
      sink,
      catalog: catalogOf(feeds, kinds),
      store: new LedgerFile(join(dir, name, 'ledger.json'), logger),
      deadLetters: new DeadLetterFile(join(dir, name, 'dead-letters.ndjson')),
      clock,
      logger,
      random: Math.random,
      onPause: (reason) => {
        record({
          timeMs: clock.now(),
          type: reason === null ? 'log-sink-resumed' : 'log-sink-paused',
          app: null,
          version: null,
          message: reason === null ? `${name} takes logs again` : `${name}: ${reason}`,
          code: reason === null ? null : 'SINK_DENIED',
          by: null,
        })
        if (reason === null) logger.info('log-sink-resumed')
        else logger.warn('log-sink-paused', { error: reason })
      },
      limits,
    })
  }
}
