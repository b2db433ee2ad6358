import { PlaygroundError } from '../errors.js'

export type LabelTerm = { readonly key: string; readonly value: string; readonly equal: boolean }

const TERM = /^([A-Za-z0-9][A-Za-z0-9._/-]*)\s*(!=|==|=)\s*([A-Za-z0-9._-]*)$/

/**
 * `env=test,region!=cn-north` as terms that must all hold.
 * @throws USAGE when a term has another form.
 */
export function parseLabelSelector(text: string): LabelTerm[] {
  return text.split(',').map((part) => {
    const match = TERM.exec(part.trim())
    if (match === null) {
      throw new PlaygroundError('USAGE', `"${part}" is not a label term`, {
        hint: 'Write key=value or key!=value, separated by commas.',
      })
    }
    return { key: match[1] ?? '', value: match[3] ?? '', equal: match[2] !== '!=' }
  })
}

/** True when every term holds; a missing label differs from every value. */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  terms: readonly LabelTerm[],
): boolean {
  return terms.every((term) => (labels[term.key] === term.value) === term.equal)
}
