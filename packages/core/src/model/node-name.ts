/** Why commands could not select a node of that name by `--node` and `--nodes`; undefined when they can. */
export function nodeNameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'must not be empty'
  if (name.includes(',')) return `must have no comma: "--nodes a,b" means two nodes`
  if (name !== name.trim()) return 'must have no space at its ends'
  if (/\p{Cc}/u.test(name)) return 'must have no control characters'
  return undefined
}
