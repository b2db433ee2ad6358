import type { Segments } from './segments.js'
import { openSegments, storedLines, textsOf } from './log-fixture.test.support.js'

/** The name of the file that is begun first. */
export const FIRST = '00000001.seg'

export function append(segments: Segments, texts: readonly string[], stdout = 0, timeMs = 1): void {
  const lines = storedLines(segments.nextSeq, texts, timeMs)
  segments.append({ offsets: { stdout, stderr: 0 }, lines })
}

/** Ten frames in segments that hold about three each. */
export async function filled(dir: string): Promise<string[]> {
  const segments = openSegments(dir, { rollBytes: 400 })
  for (let index = 1; index <= 10; index += 1)
    append(segments, [`line ${String(index)}`], index, index)
  const texts = await textsOf(segments)
  await segments.close()
  return texts
}
