/** A fenced block of a page: ```LANGUAGE file=PATH. */
export interface CodeBlock {
  readonly language: string
  /** Undefined for one that names no file. */
  readonly file: string | undefined
  readonly text: string
}

const BLOCK = /^```(\w+)(?: file=(\S+))?\n(.*?)^```$/gms

export function codeBlocks(page: string): CodeBlock[] {
  return [...page.matchAll(BLOCK)].map(([, language = '', file, text = '']) => ({
    language,
    file,
    text,
  }))
}
