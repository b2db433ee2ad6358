/** What `--home` was given; P2P_PLAYGROUND_HOME is there for the next command as well. */
export function homeFlag(argv: readonly string[] = process.argv): string | undefined {
  const index = argv.indexOf('--home')
  if (index !== -1) return argv[index + 1]
  return argv.find((arg) => arg.startsWith('--home='))?.slice('--home='.length)
}

/** A command of ours to be typed next, for the home that this one was given: `daemon start`. */
export function nextCommand(words: string, argv?: readonly string[]): string {
  const home = homeFlag(argv)
  const command = `p2p-playground ${words}`
  return home === undefined || words.includes('--home')
    ? command
    : `${command} --home ${shell(home)}`
}

/** Those that hints name for the home of the command itself; `invite` and `daemon status` are for other machines. */
const OF_THIS_HOME =
  /"p2p-playground ((?:app|config|daemon (?:start|stop)|deploy|doctor|events|init|join|logs|node|plugins|run)\b[^"]*)"/g

/** A hint whose commands, which stand in quotes, are for the home that this one was given. */
export function withGivenHome(hint: string, argv?: readonly string[]): string {
  return hint.replace(OF_THIS_HOME, (_, words: string) => `"${nextCommand(words, argv)}"`)
}

function shell(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
