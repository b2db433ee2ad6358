import { closest } from '@p2p-playground/core/closest'
import { PlaygroundError } from '@p2p-playground/core/errors'

/** The part of oclif's errors that we read. */
export interface OclifError extends Error {
  readonly oclif?: { readonly exit?: number }
  readonly flags?: unknown
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

export function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error
}

/** What oclif found wrong with a command line, in one line and with a did-you-mean. */
export function explainUsage(error: OclifError, context: UsageContext): PlaygroundError {
  const [message = '', ...rest] = error.message.split('\n')
  if (/^command \S+ not found$/.test(message)) return unknownCommand(context)
  const unknown = Array.isArray(error.flags) ? String(error.flags[0]) : undefined
  if (message.startsWith('Nonexistent flag') && unknown !== undefined) {
    const known = Object.entries(error.parse?.input?.flags ?? {}).flatMap(([name, { allowNo }]) =>
      allowNo === true ? [`--${name}`, `--no-${name}`] : [`--${name}`],
    )
    const guess = closest(unknown, known)
    const hint =
      guess === undefined ? 'See --help for the flags of this command.' : `Did you mean "${guess}"?`
    return new PlaygroundError('USAGE', `unknown flag ${unknown}`, { hint })
  }
  const detail = rest.filter((line) => line.trim() !== '' && !line.startsWith('See more help'))
  const text = [message, ...detail].join(' ').trim()
  // What is not about the command line comes from a plugin's command.
  if (error.parse === undefined && error.oclif?.exit !== 127) {
    const code = / not installed$/.test(text) ? 'PLUGIN_NOT_FOUND' : 'INTERNAL'
    return new PlaygroundError(code, text)
  }
  return new PlaygroundError('USAGE', text, { hint: 'See --help.' })
}

function unknownCommand({ argv, commandIDs }: UsageContext): PlaygroundError {
  const flag = argv.findIndex((word) => word.startsWith('-'))
  const [first = '', second = ''] = flag === -1 ? argv : argv.slice(0, flag)
  const names = commandIDs.map((id) => id.replaceAll(':', ' '))
  const inTopic = names.filter((name) => name.startsWith(`${first} `))
  const typed = inTopic.length > 0 && second !== '' ? `${first} ${second}` : first
  const topics = names.flatMap((name) => (name.includes(' ') ? name.split(' ').slice(0, 1) : []))
  const guess = closest(typed, typed === first ? [...names, ...topics] : inTopic)
  // A word too many after a command looks to oclif like the name of another command.
  const command = [`${first} ${second}`, first].find((name) => names.includes(name))
  if (command !== undefined && (guess === undefined || guess === command)) {
    const surplus = argv[command.split(' ').length] ?? ''
    return new PlaygroundError('USAGE', `"${command}" takes no argument "${surplus}"`, {
      hint: `See p2p-playground ${command} --help.`,
    })
  }
  return new PlaygroundError('USAGE', `there is no command "${typed}"`, {
    hint: guess === undefined ? 'See p2p-playground --help.' : `Did you mean "${guess}"?`,
  })
}
