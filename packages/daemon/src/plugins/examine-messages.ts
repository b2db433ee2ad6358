import type { ExaminedError, Examination } from './examination.js'

/** What the process that looks at plugins is asked, as its only argument. */
export interface ExamineJob {
  readonly config: string | undefined
  readonly environment: string | undefined
  /** A package to look at alone; when there is none of that name, all are looked at. */
  readonly only: string | undefined
  readonly schemas: boolean
  readonly limitMs: number
  /** Index of the first one to look at. */
  readonly from: number
  /** What plugins may write to; whoever asks removes it, since this process may not live to do so. */
  readonly dataDir: string
}

/** A line of what it answers. */
export type ExamineMessage =
  /** There is nothing to look at: daemon.yaml, or the list of what is installed, cannot be read. */
  | { readonly kind: 'failed'; readonly error: ExaminedError }
  | { readonly kind: 'begun'; readonly total: number }
  /** What is known already, should it not come back. */
  | { readonly kind: 'looking'; readonly index: number; readonly examination: Examination }
  | { readonly kind: 'found'; readonly index: number; readonly examination: Examination }
