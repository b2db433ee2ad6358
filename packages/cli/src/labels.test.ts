import { expect, test } from 'vitest'
import { labelsOf } from './labels.js'

test('key=value pairs become a map', () => {
  expect(labelsOf(['env=test', 'example.org/zone=b-1', 'empty='])).toEqual({
    env: 'test',
    'example.org/zone': 'b-1',
    empty: '',
  })
  expect(labelsOf(undefined)).toBeUndefined()
})

test.each(['env', '=x', 'a b=c', 'a=b c', 'a=b=c'])('"%s" is a usage error', (text) => {
  expect(() => labelsOf([text])).toThrow(expect.objectContaining({ code: 'USAGE' }))
})
