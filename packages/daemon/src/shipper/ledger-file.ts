import { readFile, rename } from 'node:fs/promises'
import { PlaygroundError, errorMessage, systemCode } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import { writeFileDurably } from '@p2p-playground/core/durable-file'
import { EMPTY_LEDGER } from './ledger.js'
import type { LedgerContent } from './ledger.js'

/** Where a ledger is kept. */
export interface LedgerStore {
  /** Undefined when there is none yet. */
  load(): Promise<LedgerContent | undefined>
  /** Resolves when it would be there after a power cut too. */
  save(content: LedgerContent): Promise<void>
}

/** A ledger in a small file that is replaced whole; the daemon is not held up while the disk takes it. */
export class LedgerFile implements LedgerStore {
  readonly #path: string
  readonly #logger: Logger

  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  /** What is damaged is set aside, and all that is kept is shipped again. @throws STATE_DISK */
  async load(): Promise<LedgerContent | undefined> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      const message = `cannot read ${this.#path}: ${errorMessage(error)}`
      throw new PlaygroundError('STATE_DISK', message, {
        hint: 'Look for missing permissions there.',
        cause: error,
      })
    }
    try {
      return parseLedger(text)
    } catch (error) {
      const aside = `${this.#path}.damaged`
      await rename(this.#path, aside)
      const effect = 'all that is kept is shipped again'
      this.#logger.error('log-sink-ledger-damaged', { aside, error: errorMessage(error), effect })
      return undefined
    }
  }

  async save(content: LedgerContent): Promise<void> {
    await writeFileDurably(this.#path, JSON.stringify(content), { mode: 0o600 })
  }
}

/** What an earlier version left out is as in an empty one. @throws Error for what is no ledger */
function parseLedger(text: string): LedgerContent {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error('it is no object')
  const { cursors, frozen } = value as Readonly<Record<string, unknown>>
  if (!Array.isArray(cursors) || !Array.isArray(frozen)) throw new Error('it has no cursors')
  return { ...EMPTY_LEDGER, ...(value as LedgerContent) }
}
