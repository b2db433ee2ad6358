import { describe, expect, it } from 'vitest'
import { createRedactor } from './redact.js'

describe('createRedactor', () => {
  it.each<[string, string[], RegExp[], string, string]>([
    ['nothing to hide', [], [], 'as it is', 'as it is'],
    ['a secret, each time', ['pw'], [], 'pw and pw', '*** and ***'],
    ['an empty secret', [''], [], 'as it is', 'as it is'],
    ['a secret within another', ['abc', 'abcdef'], [], 'x abcdef abc', 'x *** ***'],
    ['a secret with signs of a pattern', ['a.b$(c)'], [], 'a.b$(c) axb', '*** axb'],
    ['a secret that looks like a replacement', ['$&'], [], 'x$&', 'x***'],
    [
      'each line of a secret of several lines',
      ['-----BEGIN KEY-----\nMC4CAQAwBQ\n==\n-----END KEY-----\n'],
      [],
      'x MC4CAQAwBQ == -----END KEY-----',
      'x *** == ***',
    ],
    ['a pattern, each time', [], [/token=\w+/g], 'token=a token=b', '*** ***'],
    ['a pattern that does not say each time', [], [/\d{4}/], '1234 5678', '*** ***'],
  ])('hides %s', (_, secrets, patterns, line, clean) => {
    const redact = createRedactor(secrets, patterns)
    expect(redact(line)).toBe(clean)
    expect(redact(line)).toBe(clean)
  })
})
