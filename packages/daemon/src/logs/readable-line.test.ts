import { expect, it } from 'vitest'
import { readableLine } from './readable-line.js'

it.each<[string, Record<string, string | number | boolean | null | undefined>, string]>([
  ['nothing', {}, ''],
  ['plain words', { a: 'b', n: 1, ok: true, none: null }, ' a=b n=1 ok=true none=null'],
  ['what is not set', { a: undefined }, ''],
  ['an empty text', { a: '' }, ' a=""'],
  ['words and quotes', { a: 'said "no"' }, ' a="said \\"no\\""'],
  ['lines', { a: 'x\ny' }, ' a="x\\ny"'],
  ['what would clear the screen', { a: '\x1b[2J' }, ' a=\\u001b[2J'],
  ['what would hide what follows', { a: '\u009b8m\u202e\u2066' }, ' a=\\u009b8m\\u202e\\u2066'],
])('shows %s', (_, fields, expected) => {
  const line = readableLine({ time: 'T', level: 'info', message: 'event', fields })
  expect(line).toBe(`T INFO  event${expected}`)
})
