import { expect, test } from 'vitest'
import { explainUsage } from './usage-error.js'

const commandIDs = ['app:list', 'app:start', 'deploy', 'plugins', 'plugins:install', 'psk']

function explain(argv: readonly string[]): string {
  const error = Object.assign(new Error(`command ${argv.join(':')} not found`), { oclif: {} })
  const { code, message, hint } = explainUsage(error, { argv, commandIDs })
  expect(code).toBe('USAGE')
  return `${message}. ${hint ?? ''}`
}

test.each([
  { argv: ['depoly', 'x.p2p'], says: 'there is no command "depoly". Did you mean "deploy"?' },
  { argv: ['app', 'lst'], says: 'there is no command "app lst". Did you mean "app list"?' },
  { argv: ['ap', 'list'], says: 'there is no command "ap". Did you mean "app"?' },
  { argv: ['psk', 'more'], says: '"psk" takes no argument "more". See p2p-playground psk --help.' },
  { argv: ['xyzzy', '--json'], says: 'there is no command "xyzzy". See p2p-playground --help.' },
  { argv: ['plugins', 'instal'], says: 'Did you mean "plugins install"?' },
  { argv: ['app', 'list', 'x'], says: '"app list" takes no argument "x"' },
])('$argv', ({ argv, says }) => {
  expect(explain(argv)).toContain(says)
})

test.each([
  { typed: '--wiat', says: 'Did you mean "--wait"?' },
  { typed: '--no-wiat', says: 'Did you mean "--no-wait"?' },
  { typed: '--no-nodes', says: 'Did you mean "--nodes"?' },
  { typed: '--xyzzy', says: 'See --help for the flags of this command.' },
])('$typed', ({ typed, says }) => {
  const error = Object.assign(new Error(`Nonexistent flag: ${typed}\nSee more help with --help`), {
    flags: [typed],
    parse: { input: { flags: { wait: { allowNo: true }, nodes: {} } } },
  })
  const { code, message, hint } = explainUsage(error, { argv: ['deploy', typed], commandIDs })
  expect({ code, message, hint }).toEqual({
    code: 'USAGE',
    message: `unknown flag ${typed}`,
    hint: says,
  })
})
