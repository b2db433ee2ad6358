/** A plugin that breaks one promise, to prove that the suite of its seam finds that. */
export interface BrokenPlugin<Setup> {
  /** What it does wrong. */
  readonly fault: string
  /** The cases that must fail, and no other. */
  readonly breaks: readonly string[]
  /** What the first of them must say. */
  readonly says: RegExp
  readonly setup: Setup
}
