const REMOVE = ['remove', 'uninstall']
const LIST = ['list']
const SHOW = ['describe', 'info', 'status', 'inspect', 'show']

/** Words of other tools, and ours for the same, the likeliest first. */
const OUR_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ...['delete', 'del', 'rm', 'destroy', 'remove', 'uninstall'].map(
    (word) => [word, REMOVE] as const,
  ),
  ...['ls', 'ps', 'list'].map((word) => [word, LIST] as const),
  ...['show', 'get', 'info', 'status', 'inspect', 'describe'].map((word) => [word, SHOW] as const),
  ['kill', ['stop']],
])

/**
 * The command that somebody means who typed the word of another tool, `app delete` or `ls`; undefined for a command that
 * there is. Without a topic it is about apps. `commands` are as they are typed: `app list`.
 */
export function commandMeant(
  [first = '', second = '']: readonly string[],
  commands: readonly string[],
): string | undefined {
  const isTopic = commands.some((name) => name.startsWith(`${first} `))
  const [topic, word] = isTopic ? [first, second] : ['app', first]
  if (commands.includes(isTopic ? `${first} ${second}` : first)) return undefined
  const ours = OUR_WORDS.get(word) ?? []
  const found = ours.map((one) => `${topic} ${one}`).find((name) => commands.includes(name))
  if (found !== undefined) return found
  // "plugins" alone lists them.
  return ours === LIST && commands.includes(topic) ? topic : undefined
}
