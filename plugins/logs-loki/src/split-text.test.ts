import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitText } from './split-text.js'

const utf8 = (text: string): number => Buffer.byteLength(text)

describe('splitText', () => {
  it.each<[string, number, string[]]>([
    ['', 4, ['']],
    ['abcd', 4, ['abcd']],
    ['abcde', 4, ['abcd', 'e']],
    ['aéé', 4, ['aé', 'é']],
    ['🙂🙂', 4, ['🙂', '🙂']],
    ['🙂', 2, ['🙂']],
  ])('cuts %j at %i bytes into %j', (text, maxBytes, pieces) => {
    expect(splitText(text, maxBytes, utf8)).toEqual(pieces)
  })

  it('loses nothing, and makes no piece too long', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 })
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 60 }), (whole, maxBytes) => {
        const pieces = splitText(whole, maxBytes, utf8)
        expect(pieces.join('')).toBe(whole)
        for (const piece of pieces) expect(utf8(piece)).toBeLessThanOrEqual(maxBytes)
      }),
    )
  })
})
