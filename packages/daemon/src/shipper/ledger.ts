import { randomUUID } from 'node:crypto'

/** One life of a source: it can be removed, and then another of the same name begins at one again. */
export interface SourceLife {
  /** As `logSourceOf` has it. */
  readonly source: string
  /** Null where a source cannot be removed. */
  readonly instance: string | null
}

/** What of a source goes together. Written down before it is first tried, it stays the same until it is done with. */
export interface FrozenBatch extends SourceLife {
  /** Never of another batch. */
  readonly id: string
  readonly firstSeq: number
  readonly lastSeq: number
  /** Fewer than the numbers say where lines between them are damaged. */
  readonly lines: number
  /** When its first line was read. */
  readonly timeMs: number
}

export type BatchLines = Omit<FrozenBatch, 'id' | keyof SourceLife>

/** Since the sink was first named. */
export interface ShippingCounts {
  readonly shippedLines: number
  readonly shippedBytes: number
  readonly retries: number
  readonly deadLines: number
  readonly lostLines: number
}

/** A ledger as it lies on the disk. */
export interface LedgerContent {
  readonly cursors: readonly (SourceLife & { readonly seq: number })[]
  readonly frozen: readonly FrozenBatch[]
  readonly counts: ShippingCounts
  /** The sink took nothing from us, which was told. */
  readonly isPaused: boolean
}

export const EMPTY_LEDGER: LedgerContent = {
  cursors: [],
  frozen: [],
  counts: { shippedLines: 0, shippedBytes: 0, retries: 0, deadLines: 0, lostLines: 0 },
  isPaused: false,
}

/**
 * How far one sink has got: per life of a source a cursor, below which each line is in a frozen batch or done with, which is
 * shipped, dead or lost. Opens no file; whoever changes it has it saved.
 */
export class Ledger {
  readonly #cursors = new Map<string, SourceLife & { readonly seq: number }>()
  #frozen: readonly FrozenBatch[]
  #counts: ShippingCounts
  #isPaused: boolean
  /** There is something to save. */
  isDirty = false

  constructor(content: LedgerContent) {
    for (const cursor of content.cursors) this.#cursors.set(keyOf(cursor), cursor)
    this.#frozen = content.frozen
    this.#counts = { ...EMPTY_LEDGER.counts, ...content.counts }
    this.#isPaused = content.isPaused
  }

  get content(): LedgerContent {
    return {
      cursors: [...this.#cursors.values()],
      frozen: this.#frozen,
      counts: this.#counts,
      isPaused: this.#isPaused,
    }
  }

  get frozen(): readonly FrozenBatch[] {
    return this.#frozen
  }

  get counts(): ShippingCounts {
    return this.#counts
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Lines up to there are in a frozen batch or done with. */
  cursorOf(life: SourceLife): number {
    return this.#cursors.get(keyOf(life))?.seq ?? 0
  }

  /** Of the first line that is not done with. */
  neededFrom(life: SourceLife): number {
    const first = this.frozenOf(life)?.firstSeq
    return Math.min(first ?? Infinity, this.cursorOf(life) + 1)
  }

  /** The oldest batch of a source that is not done with. */
  frozenOf(life: SourceLife): FrozenBatch | undefined {
    return this.#frozen.find((batch) => keyOf(batch) === keyOf(life))
  }

  /** Counts nothing: for what is no business of the sink, or begins anew. */
  setCursor({ source, instance }: SourceLife, seq: number): void {
    this.#cursors.set(keyOf({ source, instance }), { source, instance, seq })
    this.isDirty = true
  }

  /** The cursor moves over the lines of a new batch; what is missing before and among them is lost. */
  freeze(life: SourceLife, lines: BatchLines): FrozenBatch {
    this.#add({ lostLines: lines.lastSeq - this.cursorOf(life) - lines.lines })
    this.setCursor(life, lines.lastSeq)
    const batch = batchOf(life, lines)
    this.#frozen = [...this.#frozen, batch]
    return batch
  }

  /** The cursor moves over lines of which none is there any more. */
  skip(life: SourceLife, lastSeq: number): void {
    this.#add({ lostLines: lastSeq - this.cursorOf(life) })
    this.setCursor(life, lastSeq)
  }

  shipped(batch: FrozenBatch, bytes: number): void {
    this.#replace(batch, [])
    this.#add({ shippedLines: batch.lines, shippedBytes: bytes })
  }

  dead(batch: FrozenBatch): void {
    this.#replace(batch, [])
    this.#add({ deadLines: batch.lines })
  }

  /** Parts of a batch in its place; of what is in none of them, the lines are lost. */
  split(batch: FrozenBatch, parts: readonly BatchLines[]): readonly FrozenBatch[] {
    const batches = parts.map((part) => batchOf(batch, part))
    this.#replace(batch, batches)
    const kept = parts.reduce((sum, { lines }) => sum + lines, 0)
    this.#add({ lostLines: batch.lines - kept })
    return batches
  }

  /** Not worth a save of its own. */
  retried(): void {
    const { isDirty } = this
    this.#add({ retries: 1 })
    this.isDirty = isDirty
  }

  paused(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    this.isDirty = true
  }

  /** A life is over, and nobody will ask for its cursor. */
  forget(life: SourceLife): void {
    this.#cursors.delete(keyOf(life))
    this.isDirty = true
  }

  #replace(batch: FrozenBatch, by: readonly FrozenBatch[]): void {
    this.#frozen = this.#frozen.flatMap((one) => (one.id === batch.id ? by : [one]))
    this.isDirty = true
  }

  #add(more: Partial<ShippingCounts>): void {
    const sum = (name: keyof ShippingCounts): number => this.#counts[name] + (more[name] ?? 0)
    this.#counts = {
      shippedLines: sum('shippedLines'),
      shippedBytes: sum('shippedBytes'),
      retries: sum('retries'),
      deadLines: sum('deadLines'),
      lostLines: sum('lostLines'),
    }
    this.isDirty = true
  }
}

export function keyOf({ source, instance }: SourceLife): string {
  return `${source} ${instance ?? ''}`
}

function batchOf({ source, instance }: SourceLife, lines: BatchLines): FrozenBatch {
  return { id: randomUUID(), source, instance, ...lines }
}
