/**
 * Pieces of at most `maxBytes`, cut between code points; at least one.
 * @param bytesOf what a text takes; that of a whole must be the sum of those of its code points
 */
export function splitText(
  text: string,
  maxBytes: number,
  bytesOf: (text: string) => number,
): string[] {
  if (bytesOf(text) <= maxBytes) return [text]
  const pieces: string[] = []
  let start = 0
  let end = 0
  let size = 0
  for (const character of text) {
    const more = bytesOf(character)
    if (size + more > maxBytes && end > start) {
      pieces.push(text.slice(start, end))
      start = end
      size = 0
    }
    end += character.length
    size += more
  }
  pieces.push(text.slice(start))
  return pieces
}
