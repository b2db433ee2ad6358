import { readFile } from 'node:fs/promises'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Discovery, Logger, PeerCandidate } from '@p2p-playground/core'
import * as v from 'valibot'

const peersSchema = v.array(v.object({ peerId: v.string(), addresses: v.array(v.string()) }))

export interface FileDiscoveryOptions {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Yields the peers that a file names, again and again: somebody may edit it. They are hints; the daemon checks who answers. */
export class FileDiscovery implements Discovery {
  readonly #options: FileDiscoveryOptions

  constructor(options: FileDiscoveryOptions) {
    this.#options = options
  }

  async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    const { clock, intervalMs } = this.#options
    const isOver = (): boolean => signal.aborted
    while (!isOver()) {
      for (const candidate of await this.#read()) {
        if (isOver()) return
        yield candidate
      }
      try {
        await clock.sleep(intervalMs, signal)
      } catch (error) {
        if (isOver()) return
        throw error
      }
    }
  }

  /** A file that is missing or half written is no reason to stop looking. */
  async #read(): Promise<PeerCandidate[]> {
    const { file, name, logger } = this.#options
    try {
      const peers = v.parse(peersSchema, JSON.parse(await readFile(file, 'utf8')))
      return peers.map((peer) => ({ ...peer, source: name }))
    } catch (error) {
      logger.warn('peers', { file, error: errorMessage(error) })
      return []
    }
  }
}
