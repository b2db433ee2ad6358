import { PlaygroundError, VARIABLE_NAME } from '@p2p-playground/core'

/**
 * An environment as BEGIN (wrapper.ts) hears it: the number of lines, then as many lines of shell.
 * @throws RUNTIME_SPAWN for what no shell can hand on
 */
export function toldEnvironment(env: Readonly<Record<string, string>>): string {
  const text = Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoted(name, value)}\n`)
    .join('')
  return `${String(text.split('\n').length - 1)}\n${text}`
}

/** Nothing but the quote itself has a meaning between single quotes (POSIX.1-2017, XCU 2.2.2). */
function quoted(name: string, value: string): string {
  // Whoever writes a manifest was told where; here it keeps a name from being more shell than a name.
  if (!VARIABLE_NAME.test(name)) throw refused(name, 'its name is none')
  if (value.includes('\0')) throw refused(name, 'it holds a NUL')
  return `'${value.replaceAll("'", `'\\''`)}'`
}

function refused(name: string, why: string): PlaygroundError {
  return new PlaygroundError('RUNTIME_SPAWN', `no program gets the variable "${name}": ${why}`, {
    hint: 'Check "env" in manifest.yaml: letters, digits and "_" make a name.',
  })
}
