import { MAX_LINE_BYTES } from './raw-reader.js'

/** A frame is written at once, and a reader has it in memory whole. */
const MAX_BATCH_CHARACTERS = 1024 * 1024

export interface HookLine {
  readonly line: string
  /** It goes on in the next. */
  readonly cut?: true
}

/** Lines as they are stored: a long one becomes several, and many become several batches. Those of a batch belong together. */
export function hookBatches(lines: readonly string[]): HookLine[][] {
  const batches: HookLine[][] = []
  let characters = Infinity
  for (const part of lines.flatMap(cutLine)) {
    if (characters + part.line.length > MAX_BATCH_CHARACTERS) {
      batches.push([])
      characters = 0
    }
    batches.at(-1)?.push(part)
    characters += part.line.length
  }
  return batches
}

/** A character has at most four bytes, and none is divided. */
function cutLine(line: string): HookLine[] {
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return [{ line }]
  const parts: HookLine[] = []
  for (let start = 0; start < line.length;) {
    let end = Math.min(start + MAX_LINE_BYTES / 4, line.length)
    if (end < line.length && isHighSurrogate(line.charCodeAt(end - 1))) end -= 1
    parts.push({ line: line.slice(start, end), ...(end < line.length ? { cut: true } : {}) })
    start = end
  }
  return parts
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
