import { closest, didYouMean } from '@p2p-playground/core/closest'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { commandMeant } from './everyday-word.js'

/** The part of oclif's errors that we read. */
export interface OclifError extends Error {
  readonly oclif?: { readonly exit?: number }
  readonly flags?: unknown
  readonly args?: unknown
  readonly parse?: {
    readonly input?: { readonly flags?: Readonly<Record<string, { readonly allowNo?: boolean }>> }
  }
}

export interface UsageContext {
  /** What was typed after the program's name. */
  readonly argv: readonly string[]
  /** Ids of all commands, as oclif writes them: `app:list`. */
  readonly commandIDs: readonly string[]
}

/** What oclif says of a command line, and our words for it. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Flag (--\S+) expects a value$/, '$1 needs a value'],
  [/^Flag (--\S+) expects one of these values: (.+)$/, '$1 needs one of $2'],
  [/^Flag (--\S+) can only be specified once$/, '$1 may stand once only'],
  [/^Flag (--\S+) can only be read from stdin\b.*$/, '$1 takes "-" only'],
  [
    /^Parsing (--\S+)\s+Expected an integer but received: (.*)$/,
    '$1 must be a whole number, not "$2"',
  ],
  [
    /^Parsing (--\S+)\s+Expected an integer greater than or equal to (\S+) but received: (.*)$/,
    '$1 must be at least $2, not $3',
  ],
  [
    /^Parsing (--\S+)\s+Expected an integer less than or equal to (\S+) but received: (.*)$/,
    '$1 must be at most $2, not $3',
  ],
  [/^Parsing (--\S+)\s+(.*)$/, '$1: $2'],
  [/^Unexpected flag (\S+)$/, 'unknown flag $1'],
  [/^Expected (--[^\s=]+)=(.*) to be one of: (.*)$/, '$1 must be one of $3, not "$2"'],
  [/^Expected (.*) to be one of: (.*)$/, '"$1" is not one of $2'],
  [/^Unexpected arguments?: (.*)$/, 'too many arguments: $1'],
  [/^Missing required flag (\S+)$/, '--$1 is missing'],
  [/^(--[^\s=]+)(?:=.*)? cannot also be provided when using (--\S+)$/, '$1 cannot go with $2'],
  [/^All of the following must be provided when using (--\S+): (.*)$/, '$1 needs $2'],
]

export function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error
}

/** What oclif found wrong with a command line, in one line and with a did-you-mean. */
export function explainUsage(error: OclifError, context: UsageContext): PlaygroundError {
  const [message = '', ...rest] = error.message.split('\n')
  if (/^command \S+ not found\.?$/i.test(message)) return unknownCommand(context)
  const command = commandOf(context)
  const hint = `See p2p-playground ${command === '' ? '' : `${command} `}--help.`
  const unknown = Array.isArray(error.flags) ? String(error.flags[0]) : undefined
  if (message.startsWith('Nonexistent flag') && unknown !== undefined) {
    const known = Object.entries(error.parse?.input?.flags ?? {}).flatMap(([name, { allowNo }]) =>
      allowNo === true ? [`--${name}`, `--no-${name}`] : [`--${name}`],
    )
    return new PlaygroundError('USAGE', `unknown flag ${unknown}`, {
      hint: didYouMean(unknown, known) ?? hint,
    })
  }
  const missing = message.startsWith('Missing ') ? argumentsOf(error) : []
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name.toUpperCase()).join(' and ')
    const about = missing.map(({ description }) => description ?? '').join(' ')
    return new PlaygroundError('USAGE', `${names} ${missing.length > 1 ? 'are' : 'is'} missing`, {
      hint: `${about} ${hint}`.trim(),
    })
  }
  const detail = rest.filter((line) => line.trim() !== '' && !line.startsWith('See more help'))
  const said = message.startsWith('The following error')
    ? detail.map((line) => inOurWords(line.trim()) ?? line.trim()).join('; ')
    : [message, ...detail].join(' ').trim()
  const ours = inOurWords(said)
  // What is not about the command line comes from a plugin's command.
  if (ours === undefined && error.parse === undefined && error.oclif?.exit !== 127) {
    const code = / not installed$/.test(said) ? 'PLUGIN_NOT_FOUND' : 'INTERNAL'
    return new PlaygroundError(code, said)
  }
  return new PlaygroundError('USAGE', ours ?? said, { hint })
}

function inOurWords(text: string): string | undefined {
  const found = WORDS.find(([said]) => said.test(text))
  return found === undefined ? undefined : text.replace(...found)
}

function argumentsOf({ args }: OclifError): readonly {
  readonly name: string
  readonly description?: string | undefined
}[] {
  return Array.isArray(args) ? (args as { name: string; description?: string }[]) : []
}

/** The words of a command line before its first flag, without a `help` before them. */
function wordsOf({ argv }: UsageContext): readonly string[] {
  const flag = argv.findIndex((word) => word.startsWith('-'))
  const words = flag === -1 ? argv : argv.slice(0, flag)
  return words[0] === 'help' ? words.slice(1) : words
}

/** All commands as they are typed: `app list`. */
function namesOf({ commandIDs }: UsageContext): readonly string[] {
  return commandIDs.map((id) => id.replaceAll(':', ' '))
}

/** Whether a command is asked for in the words of another tool, for which `explainUsage` has ours. */
export function isOtherWord(context: UsageContext): boolean {
  return commandMeant(wordsOf(context), namesOf(context)) !== undefined
}

/** The command that was typed, as `app list`; empty when there is none. */
function commandOf(context: UsageContext): string {
  const [first = '', second = ''] = wordsOf(context)
  const names = namesOf(context)
  return [`${first} ${second}`, first].find((name) => names.includes(name)) ?? ''
}

function unknownCommand(context: UsageContext): PlaygroundError {
  const words = wordsOf(context)
  const [first = '', second = ''] = words
  const names = namesOf(context)
  const inTopic = names.filter((name) => name.startsWith(`${first} `))
  const typed = inTopic.length > 0 && second !== '' ? `${first} ${second}` : first
  const meant = commandMeant(words, names)
  if (meant !== undefined) return noCommand(typed, `Did you mean "${meant}"?`)
  const topics = names.flatMap((name) => (name.includes(' ') ? name.split(' ').slice(0, 1) : []))
  const near = closest(typed, typed === first ? [...names, ...topics] : inTopic)
  const whole = `${near ?? ''} ${second}`
  const guess = names.includes(whole) ? whole : near
  // A word too many after a command looks to oclif like the name of another command.
  const command = commandOf(context)
  if (command !== '' && (guess === undefined || guess === command)) {
    const surplus = words[command.split(' ').length] ?? ''
    return new PlaygroundError('USAGE', `"${command}" takes no argument "${surplus}"`, {
      hint: `See p2p-playground ${command} --help.`,
    })
  }
  const topic = typed === first ? '' : `${first} `
  return noCommand(
    typed,
    guess === undefined ? `See p2p-playground ${topic}--help.` : `Did you mean "${guess}"?`,
  )
}

function noCommand(typed: string, hint: string): PlaygroundError {
  return new PlaygroundError('USAGE', `there is no command "${typed}"`, { hint })
}
