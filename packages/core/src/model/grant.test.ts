import { describe, expect, it } from 'vitest'
import { hasEnded, isGranted, matchesScope, rolesOf, validGrants } from './grant.js'
import type { Grant } from './grant.js'
import type { Role } from './role.js'

const webOperator: Grant = {
  key: 'a',
  roles: ['operate', 'publish'],
  apps: ['web-*', 'shop'],
  notAfterMs: null,
}
const observer: Grant = { key: 'b', roles: ['observe', 'publish'], apps: ['*'], notAfterMs: 1000 }

describe('a grant', () => {
  it.each<[string, Role, string | null, readonly Grant[], boolean]>([
    ['of its role for its app', 'operate', 'web-1', [webOperator], true],
    ['of its role for an app by name', 'operate', 'shop', [webOperator], true],
    ['of its role for another app', 'operate', 'calm', [webOperator], false],
    ['of another role', 'observe', 'web-1', [webOperator], false],
    ['for all apps', 'observe', 'calm', [observer], true],
    ['for all apps, and the node itself', 'observe', null, [observer], true],
    ['for some apps, and the node itself', 'operate', null, [webOperator], false],
    ['of the role beside one for the app', 'operate', 'calm', [webOperator, observer], false],
    ['of the role beside one for the node', 'operate', null, [webOperator, observer], false],
    ['second of two', 'observe', 'calm', [webOperator, observer], true],
    ['that is none', 'observe', 'calm', [], false],
  ])('%s: %s of %s', (_, role, app, grants, expected) => {
    expect(isGranted(grants, role, app)).toBe(expected)
  })

  it('adds its roles to those of others, each once', () => {
    expect(rolesOf([webOperator, observer])).toEqual(['operate', 'publish', 'observe'])
  })
})

it.each([
  [null, Number.MAX_SAFE_INTEGER, false],
  [1000, 999, false],
  [1000, 1000, false],
  [1000, 1001, true],
])('a key that is valid until %s has ended at %d: %s', (notAfterMs, nowMs, expected) => {
  expect(hasEnded({ notAfterMs }, nowMs)).toBe(expected)
})

it.each([
  [1000, [webOperator, observer]],
  [1001, [webOperator]],
])('of several grants those count at %d whose keys are valid then', (nowMs, expected) => {
  expect(validGrants([webOperator, observer], nowMs)).toEqual(expected)
})

it.each([
  ['*', 'web', true],
  ['web', 'web', true],
  ['web', 'web-2', false],
  ['web-*', 'web-2', true],
  ['*-2', 'web-2', true],
  ['w.b', 'web', false],
  ['*', 'web\n2', true],
  ['w*b', 'wb', true],
  ['we*eb', 'web', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['*-web', 'web-web', true],
  ['*web*', 'my-web-2', true],
  ['', 'web', false],
])('scope %s and app %s: %s', (pattern, app, expected) => {
  expect(matchesScope(pattern, app)).toBe(expected)
})

it('answers at once, however long the name is that somebody asks for', () => {
  const begunMs = performance.now()
  expect(matchesScope('a-*-*-*-b', `a${'-'.repeat(3000)}`)).toBe(false)
  expect(performance.now() - begunMs).toBeLessThan(1000)
})
