import { keyOf } from './ledger.js'
import type { SourceLife } from './ledger.js'

/** What is known of a life's lines, without reading any. */
interface Waiting extends SourceLife {
  /** The newest line that there is. */
  headSeq: number
  /** When the oldest line was read that is in no batch; null when there is none, or where that is not known. */
  oldestMs: number | null
  /** When a batch is to be made of what there is, monotonic; Infinity when all is in one. */
  dueMs: number
}

/**
 * Which sources have lines that are in no batch, and whose turn it is: each source in turn, so that a busy one does not keep the
 * others waiting. A line waits for a moment, so that those behind it come along.
 */
export class Backlog {
  readonly #waiting = new Map<string, Waiting>()
  readonly #lingerMs: number

  constructor(options: { readonly lingerMs: number }) {
    this.#lingerMs = options.lingerMs
  }

  /** Lines were stored up to `headSeq`, the first of them at `timeMs`; true when somebody may have to be woken. */
  add(
    life: SourceLife,
    lines: { readonly headSeq: number; readonly timeMs: number | null },
    nowMs: number,
  ): boolean {
    const known = this.#waiting.get(keyOf(life))
    const { headSeq, timeMs } = lines
    if (known === undefined) {
      const { source, instance } = life
      const dueMs = nowMs + this.#lingerMs
      this.#waiting.set(keyOf(life), { source, instance, headSeq, oldestMs: timeMs, dueMs })
      return true
    }
    known.headSeq = Math.max(known.headSeq, headSeq)
    if (known.dueMs < Infinity) return false
    known.oldestMs = timeMs
    known.dueMs = nowMs + this.#lingerMs
    return true
  }

  /** All lines up to `cursorSeq` are in a batch or done with; a full batch leaves no reason to wait for more. */
  taken(
    life: SourceLife,
    batch: { readonly cursorSeq: number; readonly isFull: boolean; readonly timeMs: number | null },
    nowMs: number,
  ): void {
    const known = this.#waiting.get(keyOf(life))
    if (known === undefined) return
    const isAll = known.headSeq <= batch.cursorSeq
    known.oldestMs = isAll ? null : batch.timeMs
    known.dueMs = isAll ? Infinity : batch.isFull ? nowMs : nowMs + this.#lingerMs
  }

  /** Its turn has come and gone: the others come first. */
  served(life: SourceLife): void {
    const known = this.#waiting.get(keyOf(life))
    if (known === undefined) return
    this.#waiting.delete(keyOf(life))
    this.#waiting.set(keyOf(life), known)
  }

  /** Nothing can be had of it now. */
  postpone(life: SourceLife, dueMs: number): void {
    const known = this.#waiting.get(keyOf(life))
    if (known !== undefined) known.dueMs = dueMs
  }

  /** What is there is to go now. */
  hurry(life?: SourceLife): void {
    for (const one of this.#waiting.values()) {
      const isMeant = life === undefined || keyOf(life) === keyOf(one)
      if (isMeant && one.dueMs < Infinity) one.dueMs = -Infinity
    }
  }

  drop(life: SourceLife): void {
    this.#waiting.delete(keyOf(life))
  }

  isDue(life: SourceLife, nowMs: number): boolean {
    return (this.#waiting.get(keyOf(life))?.dueMs ?? Infinity) <= nowMs
  }

  /** In the order of their turns. */
  lives(): readonly SourceLife[] {
    return [...this.#waiting.values()]
  }

  headOf(life: SourceLife): number {
    return this.#waiting.get(keyOf(life))?.headSeq ?? 0
  }

  /** Until something is due; Infinity when nothing waits. */
  waitMs(nowMs: number): number {
    let soonestMs = Infinity
    for (const { dueMs } of this.#waiting.values()) soonestMs = Math.min(soonestMs, dueMs)
    return Math.max(0, soonestMs - nowMs)
  }

  /** When the oldest line was read that is in no batch. */
  oldestMs(): number | null {
    let oldestMs = Infinity
    for (const one of this.#waiting.values())
      oldestMs = Math.min(oldestMs, one.oldestMs ?? Infinity)
    return oldestMs === Infinity ? null : oldestMs
  }
}
