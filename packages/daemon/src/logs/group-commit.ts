import type { Clock } from '@p2p-playground/core'

/** Appended frames reach the disk after about that much. */
const DELAY_MS = 100

/**
 * Syncs what many appends wrote at once. Until then the raw file is the source of truth: it keeps its bytes until the frames
 * that hold them are on the disk, so that a power cut loses no more than what the system had not written of the raw file.
 */
export class GroupCommit {
  readonly #commit: () => Promise<void>
  readonly #onError: (error: unknown) => void
  readonly #clock: Clock
  readonly #stop = new AbortController()
  #isWanted = false
  #running: Promise<void> | undefined

  constructor(options: {
    readonly commit: () => Promise<void>
    readonly onError: (error: unknown) => void
    readonly clock: Clock
  }) {
    this.#commit = options.commit
    this.#onError = options.onError
    this.#clock = options.clock
  }

  /** Something was appended. */
  want(): void {
    this.#isWanted = true
    this.#running ??= this.#run()
  }

  /** Commits no more; resolves when none is under way. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    try {
      while (this.#isWanted) {
        await this.#clock.sleep(DELAY_MS, signal)
        this.#isWanted = false
        await this.#commit()
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) this.#onError(error)
    } finally {
      this.#running = undefined
    }
  }
}
