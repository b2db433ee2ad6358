import { ignoreAbort } from './abort.js'
import type { Clock } from './contracts/clock.js'

/** Equal ones within it are told as a number. */
const WINDOW_MS = 60_000
/** Different ones that are told apart within it: who has many names is no better off than who has one. */
const MAX_KINDS = 64

/** What came `more` times again after it was told. */
export interface Repeated<Item> {
  readonly item: Item
  readonly more: number
}

export interface RepeatsOptions<Item> {
  readonly clock: Clock
  /** Two with the same name are of a kind. */
  readonly nameOf: (item: Item) => string
  /** The first of a kind, at once. Must not throw. */
  readonly onFirst: (item: Item) => void
  /** What came within a minute beside that; `others` are of kinds beyond those that are told apart. Must not throw. */
  readonly onMore: (repeated: readonly Repeated<Item>[], others: number) => void
}

/**
 * Tells seldom of what others can bring about as often as they like: the first of a kind at once, those that follow within a
 * minute as their number, when it is over or at the end; no more than 64 kinds a minute.
 */
export class Repeats<Item> {
  readonly #options: RepeatsOptions<Item>
  readonly #kinds = new Map<string, { readonly item: Item; more: number }>()
  #others = 0
  #window: AbortController | undefined

  constructor(options: RepeatsOptions<Item>) {
    this.#options = options
  }

  add(item: Item): void {
    const { nameOf, onFirst } = this.#options
    this.#window ??= this.#openWindow()
    const name = nameOf(item)
    const known = this.#kinds.get(name)
    if (known !== undefined) known.more += 1
    else if (this.#kinds.size >= MAX_KINDS) this.#others += 1
    else {
      this.#kinds.set(name, { item, more: 0 })
      onFirst(item)
    }
  }

  /** Tells what was only counted. Idempotent. */
  close(): void {
    this.#window?.abort()
    this.#window = undefined
    const repeated = [...this.#kinds.values()].filter(({ more }) => more > 0)
    const others = this.#others
    this.#kinds.clear()
    this.#others = 0
    if (repeated.length > 0 || others > 0) this.#options.onMore(repeated, others)
  }

  #openWindow(): AbortController {
    const window = new AbortController()
    this.#options.clock
      .sleep(WINDOW_MS, window.signal)
      .then(() => {
        this.close()
      })
      .catch(ignoreAbort(window.signal))
    return window
  }
}
