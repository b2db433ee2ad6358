import type { UsageFigure } from '@p2p-playground/core'

/** Rows of numbers with their times in a ring of fixed size: the newest take the place of the oldest. */
export class Series<Column extends string> {
  readonly #times: Float64Array
  readonly #columns: ReadonlyMap<Column, Float64Array>
  #next = 0
  #length = 0

  constructor(columns: readonly Column[], capacity: number) {
    this.#times = new Float64Array(capacity)
    this.#columns = new Map(columns.map((name) => [name, new Float64Array(capacity)]))
  }

  /** `atMs` is monotonic; null stands for what was not measured. */
  add(atMs: number, row: Readonly<Record<Column, number | null>>): void {
    this.#times[this.#next] = atMs
    for (const [name, values] of this.#columns) values[this.#next] = row[name] ?? NaN
    this.#next = (this.#next + 1) % this.#times.length
    this.#length = Math.min(this.#length + 1, this.#times.length)
  }

  /** Times of the rows since `fromMs`, oldest first. */
  times(fromMs: number): number[] {
    return this.#since(fromMs).map((index) => this.#times[index] ?? NaN)
  }

  /** One column since `fromMs`. What is older than `currentFromMs` is not current any more. */
  figure(column: Column, fromMs: number, currentFromMs: number): UsageFigure {
    const values = this.#columns.get(column)
    const indexes = this.#since(fromMs)
    const samples = indexes.map((index) => measured(values?.[index]))
    const known = samples.filter((sample) => sample !== null)
    const newest = indexes.at(-1)
    const isCurrent = newest !== undefined && (this.#times[newest] ?? NaN) >= currentFromMs
    return {
      current: isCurrent ? (samples.at(-1) ?? null) : null,
      average:
        known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length,
      peak: known.length === 0 ? null : Math.max(...known),
      samples,
    }
  }

  /** Places in the ring, oldest first. */
  #since(fromMs: number): number[] {
    const size = this.#times.length
    const first = this.#next - this.#length + size
    return Array.from({ length: this.#length }, (_, offset) => (first + offset) % size).filter(
      (index) => (this.#times[index] ?? NaN) >= fromMs,
    )
  }
}

function measured(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value
}
