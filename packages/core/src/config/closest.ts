/** The candidate that differs least from `text`, when it differs little enough to be a slip. The scope of a package may be missing. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(text.length / 3)) + 1
  for (const candidate of candidates) {
    const asTyped = text.startsWith('@') ? candidate : candidate.replace(/^@[^/]*\//, '')
    const distance = editDistance(text.toLowerCase(), asTyped.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** The hint for a slip; undefined where no candidate is near enough to be one. */
export function didYouMean(text: string, candidates: readonly string[]): string | undefined {
  const guess = closest(text, candidates)
  return guess === undefined ? undefined : `Did you mean "${guess}"?`
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts (Damerau 1964, each place touched once). */
function editDistance(a: string, b: string): number {
  let beforeThat: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (beforeThat[j - 2] ?? 0) + 1 : Infinity
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, replaced, swapped))
    }
    beforeThat = previous
    previous = current
  }
  return previous[b.length] ?? 0
}
