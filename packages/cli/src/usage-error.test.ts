import { expect, test } from 'vitest'
import { explainUsage } from './usage-error.js'

const commandIDs = [
  ...['app:describe', 'app:list', 'app:pin', 'app:remove', 'app:start', 'app:stop', 'deploy'],
  ...[
    'inspect',
    'node:info',
    'node:list',
    'plugins',
    'plugins:install',
    'plugins:uninstall',
    'psk',
  ],
]

function explain(argv: readonly string[]): string {
  const error = Object.assign(new Error(`command ${argv.join(':')} not found`), { oclif: {} })
  const { code, message, hint } = explainUsage(error, { argv, commandIDs })
  expect(code).toBe('USAGE')
  return `${message}. ${hint ?? ''}`
}

test.each([
  { argv: ['depoly', 'x.p2p'], says: 'there is no command "depoly". Did you mean "deploy"?' },
  { argv: ['app', 'lst'], says: 'there is no command "app lst". Did you mean "app list"?' },
  { argv: ['ap', 'list'], says: 'there is no command "ap". Did you mean "app list"?' },
  { argv: ['psk', 'more'], says: '"psk" takes no argument "more". See p2p-playground psk --help.' },
  {
    argv: ['app', 'xyzzy', 'hello'],
    says: 'there is no command "app xyzzy". See p2p-playground app --help.',
  },
  { argv: ['xyzzy', '--json'], says: 'there is no command "xyzzy". See p2p-playground --help.' },
  { argv: ['plugins', 'instal'], says: 'Did you mean "plugins install"?' },
  { argv: ['help', 'depoly'], says: 'there is no command "depoly". Did you mean "deploy"?' },
  { argv: ['app', 'list', 'x'], says: '"app list" takes no argument "x"' },
])('$argv', ({ argv, says }) => {
  expect(explain(argv)).toContain(says)
})

test.each([
  ['app delete hello', 'app delete', 'app remove'],
  // Nearer to "app pin" than to what is meant.
  ['app rm hello', 'app rm', 'app remove'],
  ['app ps', 'app ps', 'app list'],
  ['app ls --json', 'app ls', 'app list'],
  ['app info hello', 'app info', 'app describe'],
  ['app kill hello', 'app kill', 'app stop'],
  ['node ls', 'node ls', 'node list'],
  ['node status node-1', 'node status', 'node info'],
  ['plugins rm x', 'plugins rm', 'plugins uninstall'],
  ['plugins ls', 'plugins ls', 'plugins'],
  ['plugins list', 'plugins list', 'plugins'],
  ['ps', 'ps', 'app list'],
  ['rm hello', 'rm', 'app remove'],
])('the word of another tool, "%s", is told ours', (line, typed, ours) => {
  expect(explain(line.split(' '))).toBe(`there is no command "${typed}". Did you mean "${ours}"?`)
})

test.each(['app list x', 'inspect a b'])(
  'what there is, "%s", is no word of another tool',
  (line) => {
    expect(explain(line.split(' '))).toMatch(/ takes no argument /)
  },
)

test.each([
  { typed: '--wiat', says: 'Did you mean "--wait"?' },
  { typed: '--no-wiat', says: 'Did you mean "--no-wait"?' },
  { typed: '--no-nodes', says: 'Did you mean "--nodes"?' },
  { typed: '--xyzzy', says: 'See p2p-playground deploy --help.' },
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

test.each([
  { said: 'Flag --node expects a value', says: '--node needs a value' },
  { said: 'Flag --key can only be specified once', says: '--key may stand once only' },
  {
    said: 'Parsing --tail \n\tExpected an integer but received: x',
    says: '--tail must be a whole number, not "x"',
  },
  {
    said: 'Parsing --tail \n\tExpected an integer greater than or equal to 0 but received: -1',
    says: '--tail must be at least 0, not -1',
  },
  { said: 'Expected --type=dsa to be one of: a, b', says: '--type must be one of a, b, not "dsa"' },
  {
    said: 'The following error occurred:\n  --follow=true cannot also be provided when using --until',
    says: '--follow cannot go with --until',
  },
  { said: 'Unexpected argument: b', says: 'too many arguments: b' },
])('$says', ({ said, says }) => {
  const error = Object.assign(new Error(`${said}\nSee more help with --help`), {
    oclif: {},
    // The parser's own failures come without it.
    ...(said.startsWith('The following') ? { parse: {} } : {}),
  })
  expect(explainUsage(error, { argv: ['app', 'list', '--x'], commandIDs })).toMatchObject({
    code: 'USAGE',
    message: says,
    hint: 'See p2p-playground app list --help.',
  })
})

test('a missing argument is named, with what it is', () => {
  const error = Object.assign(
    new Error('Missing 1 required arg:\ntoken  What\n\nNote: --x allows'),
    {
      oclif: {},
      parse: {},
      args: [{ name: 'token', description: 'What "invite" printed.' }],
    },
  )
  expect(explainUsage(error, { argv: ['deploy'], commandIDs })).toMatchObject({
    code: 'USAGE',
    message: 'TOKEN is missing',
    hint: 'What "invite" printed. See p2p-playground deploy --help.',
  })
})

test('what a command of a plugin says of itself is not about the command line', () => {
  const error = Object.assign(new Error('the moon is not full'), { oclif: { exit: 2 } })
  expect(explainUsage(error, { argv: ['moon'], commandIDs })).toMatchObject({
    code: 'INTERNAL',
    message: 'the moon is not full',
  })
})
