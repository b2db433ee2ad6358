import { expect, it } from 'vitest'
import { pluginProblems, userProblems } from './config-problems.js'
import type { MissingPlugin } from './plugin-findings.js'
import { NAMED, finding } from './plugin-findings.test.support.js'

const AT = { file: 'daemon.yaml', line: 7, column: 3 }

const BROKEN = { code: 'PLUGIN_API', message: 'daemon.yaml:9:5: is too new', at: NAMED }
const MISSING: MissingPlugin = { message: 'daemon.yaml:7:3: no sink', hint: 'Mend it.', at: AT }

it('tells what a plugin that is wanted lacks, with its place apart', () => {
  const plugins = [finding({}), finding({ result: 'fail', error: BROKEN })]
  expect(pluginProblems({ plugins, missing: [MISSING] }, [])).toEqual({
    problems: [
      { code: 'PLUGIN_API', message: 'is too new', hint: undefined, at: NAMED },
      { code: 'CONFIG_INVALID', message: 'no sink', hint: 'Mend it.', at: AT },
    ],
    warnings: [],
  })
})

it('only warns of a plugin that may be left out, and of what it may have brought', () => {
  const plugins = [finding({ optional: true, result: 'warn', error: BROKEN })]
  expect(pluginProblems({ plugins, missing: [MISSING] }, [])).toEqual({
    problems: [],
    warnings: ['daemon.yaml:9:5: is too new', 'daemon.yaml:7:3: no sink'],
  })
})

it('has nothing to say of what is installed and not named', () => {
  const plugins = [finding({ named: null, result: 'warn', error: BROKEN })]
  expect(pluginProblems({ plugins, missing: [] }, [])).toEqual({ problems: [], warnings: [] })
})

it.each([
  ['nobody', undefined, true, 0, 0],
  ['a user who is there', 'root', true, 0, 0],
  ['a uid', '12345', true, 0, 0],
  ['one for each app', 'dynamic', true, 0, 0],
  ['a user who is not there', 'no-such-user', true, 1, 0],
  ['a user, asked by one who is not root', 'root', false, 0, 1],
])('of %s as runtime.user', async (_name, user, isRoot, problems, warnings) => {
  const loaded = { config: { runtime: { user } }, positionOf: () => AT }
  const found = await userProblems(loaded, isRoot)
  expect(found.problems).toHaveLength(problems)
  expect(found.warnings).toHaveLength(warnings)
  if (problems > 0) expect(found.problems).toMatchObject([{ code: 'CONFIG_INVALID', at: AT }])
})
