import type * as v from 'valibot'
import { closest } from './closest.js'
import { isSecretPath } from './secret-names.js'
import type { Path } from './strict-yaml.js'

type Issue = v.BaseIssue<unknown>

const SHOWN_CHARS = 40

/** What valibot calls types, in the words of a YAML file. */
const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  Object: 'a map',
  Array: 'a list',
}

/** What is wrong with a value, in words; a secret is never among them. */
export function describeIssue(
  issue: Issue,
  path: Path,
): { readonly message: string; readonly hint?: string } {
  const dotted = path.join('.')
  const name = dotted === '' ? 'the document' : `"${dotted}"`
  if (issue.input === null) {
    return { message: `${name} has no value`, hint: 'Give it one, or take the key out.' }
  }
  if (issue.kind !== 'schema') return { message: `${name}: ${withShortInput(issue)}` }
  const options = expectedOptions(issue)
  const isOurs = !issue.message.startsWith('Invalid ')
  const wanted = isOurs ? issue.message : `must be ${listed(options)}`
  const message = `${name} ${wanted}, not ${receivedText(issue, dotted)}`
  if (options.includes('text') && isBare(issue.input) && !/unit/.test(wanted)) {
    return { message, hint: 'Put the value in quotes.' }
  }
  const guess =
    typeof issue.input === 'string' ? closest(issue.input, options.map(unquoted)) : undefined
  return guess === undefined || !options.includes(`"${guess}"`)
    ? { message }
    : { message, hint: `Did you mean "${guess}"?` }
}

function withShortInput(issue: Issue): string {
  const said = requirement(issue)
  const { input } = issue
  return typeof input === 'string' && input.length > SHOWN_CHARS
    ? said.replaceAll(input, shortened)
    : said
}

/** valibot's own messages in the words of the others; messages of a schema stay. */
function requirement(issue: Issue): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message
  const wanted = String(issue.requirement)
  const isList = Array.isArray(issue.input)
  switch (issue.type) {
    case 'min_value':
      return `must be at least ${wanted}`
    case 'max_value':
      return `must be at most ${wanted}`
    case 'integer':
      return 'must be a whole number'
    case 'min_length':
      return isList ? `needs at least ${wanted} of them` : 'must not be empty'
    case 'max_length':
      return isList ? `takes at most ${wanted} of them` : `must have at most ${wanted} characters`
    default:
      return issue.message
  }
}

/** `(string | Object)` → text, a map. */
function expectedOptions(issue: Issue): string[] {
  const parts = (issue.expected ?? 'another type').replace(/^\((.*)\)$/, '$1').split(' | ')
  return [...new Set(parts.map((part) => WORDS[part] ?? part))]
}

function listed(options: readonly string[]): string {
  const last = options.at(-1) ?? ''
  return options.length === 1 ? last : `${options.slice(0, -1).join(', ')} or ${last}`
}

function receivedText(issue: Issue, dotted: string): string {
  const word = WORDS[issue.received]
  if (word !== undefined) return word
  return isSecretPath(dotted) ? `a ${typeof issue.input}` : shortened(issue.received)
}

/** A value may be a whole file; of one that long a few words tell which it is. */
function shortened(text: string): string {
  if (text.length <= SHOWN_CHARS) return text
  return `${text.slice(0, SHOWN_CHARS)}…${text.startsWith('"') ? '"' : ''}`
}

function isBare(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}

function unquoted(option: string): string {
  return option.replace(/^"(.*)"$/, '$1')
}
