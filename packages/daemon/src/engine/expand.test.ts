import { describe, expect, it } from 'vitest'
import { expand, expandAll } from './expand.js'

const CONTEXT = {
  ports: { web: 8080, 'admin-ui': 9000 },
  nodeName: 'n1',
  nodeLabels: { region: 'north', 'example.org/zone': 'a' },
  appVersion: '1.2.3',
}

describe('expand', () => {
  it.each([
    ['plain', 'plain'],
    ['--port=${port.web}', '--port=8080'],
    ['${port.admin-ui}', '9000'],
    ['${node.name}/${app.version}', 'n1/1.2.3'],
    ['${node.label.region}', 'north'],
    ['${node.label.example.org/zone}', 'a'],
    ['$HOME and ${UPPER} stay', '$HOME and ${UPPER} stay'],
  ])('%s becomes %s', (text, expected) => {
    expect(expand(text, CONTEXT)).toBe(expected)
  })

  it.each(['${port.none}', '${node.label.none}', '${node.age}', '${app.name}'])(
    'refuses %s with APP_REFERENCE',
    (text) => {
      expect(() => expand(text, CONTEXT)).toThrow(
        expect.objectContaining({ code: 'APP_REFERENCE' }),
      )
    },
  )

  it('reaches into lists and maps and leaves other values', () => {
    expect(
      expandAll({ a: ['${port.web}', 1], b: { c: '${node.name}' }, d: null }, CONTEXT),
    ).toEqual({
      a: ['8080', 1],
      b: { c: 'n1' },
      d: null,
    })
  })
})
