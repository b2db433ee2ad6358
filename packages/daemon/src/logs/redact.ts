/** Replaces secrets and configured patterns in whole lines, before they are stored. */
export function createRedactor(
  secrets: readonly string[],
  patterns: readonly RegExp[],
): (line: string) => string {
  // The longest first, so that one secret within another leaves nothing behind.
  const sorted = secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  return (line) => {
    let clean = line
    for (const secret of sorted) clean = clean.replaceAll(secret, '***')
    for (const pattern of patterns) clean = clean.replace(pattern, '***')
    return clean
  }
}
