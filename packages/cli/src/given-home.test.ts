import { expect, test } from 'vitest'
import { nextCommand, withGivenHome } from './given-home.js'

const GIVEN = ['node', 'p2p-playground', 'app', 'list', '--home', '/x']

test.each([
  ['Run "p2p-playground init".', 'Run "p2p-playground init --home /x".'],
  [
    'See "p2p-playground logs web", or "p2p-playground app list".',
    'See "p2p-playground logs web --home /x", or "p2p-playground app list --home /x".',
  ],
  ['"p2p-playground init --home /y"', '"p2p-playground init --home /y"'],
  // Of another machine, and of no home.
  ['what "p2p-playground invite" prints there', 'what "p2p-playground invite" prints there'],
  [
    '"p2p-playground daemon status" on that machine',
    '"p2p-playground daemon status" on that machine',
  ],
  ['Make one with "p2p-playground psk".', 'Make one with "p2p-playground psk".'],
])('%s', (hint, expected) => {
  expect(withGivenHome(hint, GIVEN)).toBe(expected)
  expect(withGivenHome(hint, ['node', 'p2p-playground', 'app', 'list'])).toBe(hint)
})

test.each([
  [['--home=rel/ative'], 'p2p-playground daemon start --home rel/ative'],
  [['--home', "it's here"], String.raw`p2p-playground daemon start --home 'it'\''s here'`],
  [[], 'p2p-playground daemon start'],
])('the next command after %j', (argv, expected) => {
  expect(nextCommand('daemon start', argv)).toBe(expected)
})
