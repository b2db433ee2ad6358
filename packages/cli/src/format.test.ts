import { describe, expect, test } from 'vitest'
import { age, counted, harmless, harmlessText } from './format.js'

const char = (code: number): string => String.fromCharCode(code)

describe('harmless', () => {
  test.each([
    { name: 'colours', given: `${char(27)}[31mred`, shown: String.raw`\x1b[31mred` },
    { name: 'carriage returns', given: 'real\rfake', shown: String.raw`real\x0dfake` },
    { name: 'newlines', given: 'a\nb', shown: String.raw`a\x0ab` },
    { name: 'C1 controls', given: `${char(0x9b)}2J`, shown: String.raw`\x9b2J` },
    { name: 'text turned round', given: `a${char(0x202e)}b`, shown: String.raw`a\u202eb` },
    { name: 'line separators', given: `a${char(0x2028)}b`, shown: String.raw`a\u2028b` },
    { name: 'tabs stay', given: 'a\tb', shown: 'a\tb' },
    { name: 'other scripts stay', given: 'grüße 你好 🙂', shown: 'grüße 你好 🙂' },
  ])('$name', ({ given, shown }) => {
    expect(harmless(given)).toBe(shown)
  })

  test('text of several lines keeps its lines', () => {
    expect(harmlessText('a\rb\nc')).toBe('a\\x0db\nc')
  })
})

test.each([
  { ago: 0, shown: '0s' },
  { ago: 59_000, shown: '59s' },
  { ago: 61_000, shown: '1m' },
  { ago: 7_300_000, shown: '2h' },
  { ago: 200_000_000, shown: '2d' },
])('$shown ago', ({ ago, shown }) => {
  expect(age(Date.now() - ago)).toBe(shown)
})

test('nothing for what never was', () => {
  expect(age(null)).toBe('')
})

test.each([
  [0, 'restart', '0 restarts'],
  [1, 'restart', '1 restart'],
  [2, 'restart', '2 restarts'],
  [1, 'process', '1 process'],
  [2, 'process', '2 processes'],
])('%d of %s is counted as %s', (count, noun, shown) => {
  expect(counted(count, noun)).toBe(shown)
})
