/** What could have been asked for in place of a version that an app does not have. */
export function versionHint(
  versions: readonly string[],
  tags: Readonly<Record<string, string>>,
): string {
  const named = Object.entries(tags).map(([tag, version]) => `${tag} (${version})`)
  return `It has: ${versions.join(', ')}; tags: ${named.join(', ') || 'none'}.`
}
