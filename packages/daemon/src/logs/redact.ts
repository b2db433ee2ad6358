/** Shorter lines of a secret of several lines (`}`, `==`) would blot out what is no secret. */
const MIN_PART_LENGTH = 6

/** What must not be seen of the secrets: each whole, and of one with several lines each line, the longest first. */
export function secretTexts(secrets: readonly string[]): string[] {
  const texts = secrets.flatMap((secret) => {
    const parts = secret.split(/\r?\n/).map((part) => part.trim())
    return parts.length === 1
      ? [secret]
      : [...parts.filter((part) => part.length >= MIN_PART_LENGTH)]
  })
  // The longest first, so that one secret within another leaves nothing behind.
  return [...new Set(texts)].filter((text) => text !== '').sort((a, b) => b.length - a.length)
}

/** Replaces secrets and configured patterns in whole lines, before they are stored. */
export function createRedactor(
  secrets: readonly string[],
  patterns: readonly RegExp[],
): (line: string) => string {
  const texts = secretTexts(secrets)
  const everywhere = patterns.map((pattern) =>
    pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`),
  )
  return (line) => {
    let clean = line
    for (const text of texts) clean = clean.replaceAll(text, '***')
    for (const pattern of everywhere) clean = clean.replace(pattern, '***')
    return clean
  }
}
