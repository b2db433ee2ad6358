/** Whoever needs stored lines for longer than the caps of size and age allow. */
export interface LogClaims {
  /** Number of the first line of this life of a source that is still needed; Infinity: none, whatever comes. */
  neededFrom(source: string, instance: string): number
  /** A source is about to be removed: resolves when it may be. */
  beforeRemoval(source: string): Promise<void>
}
