import { expect, it } from 'vitest'
import type { PackageContents } from './package-contents.js'
import { reportLines, reportOf } from './report-plugin.js'

const nothing: PackageContents = { definitions: [], commands: [], hooks: [] }
const checker = { kind: 'health-checker', name: 'redis' } as const

const report = (contents: Partial<PackageContents>, named = false): ReturnType<typeof reportOf> =>
  reportOf({ name: '@acme/x', version: '1.0.0', contents: { ...nothing, ...contents } }, named)

it('says what a package brings, and the lines for daemon.yaml', () => {
  const both = report({ definitions: [checker], commands: ['redis ping'] })
  expect(both).toMatchObject({ daemonYaml: "plugins:\n  - use: '@acme/x'\n", warnings: [] })
  const text = reportLines(both, '/h/daemon.yaml').join('\n')
  expect(text).toContain('health-checker "redis"')
  expect(text).toContain('commands: redis ping')
  expect(text).toContain("For /h/daemon.yaml:\n\nplugins:\n  - use: '@acme/x'")
  expect(text).toContain('health_check: { type: redis }')
  expect(text).toContain('daemon stop')
})

it('says how logs come to a sink, and that inspect shows what a health check takes', () => {
  const sink = { kind: 'log-sink', name: 'kafka' } as const
  const textOf = (...definitions: PackageContents['definitions']): string =>
    reportLines(report({ definitions }), '/h/daemon.yaml').join('\n')
  expect(textOf(sink)).toContain('\nTo use it, in daemon.yaml: logging: { sinks: [kafka] }\n')
  expect(textOf(sink)).toContain('\nWhat it takes under "config": p2p-playground plugins inspect')
  expect(textOf(checker)).toContain(
    '\nWhat it takes under "config" and "health_check": p2p-playground plugins inspect @acme/x\n',
  )
})

it('has nothing to add where daemon.yaml names it already', () => {
  const named = report({ definitions: [checker] }, true)
  expect(named.daemonYaml).toBeNull()
  expect(reportLines(named, '/h/daemon.yaml').join('\n')).toContain('names it already')
})

it('has no lines for daemons about what brings commands only', () => {
  const lines = reportLines(report({ commands: ['greet'] }), '/h/daemon.yaml')
  expect(lines).toEqual(['  commands: greet'])
})

it.each<[string, Partial<PackageContents>, RegExp | undefined]>([
  ['neither', {}, /holds neither commands nor a plugin/],
  ['hooks', { hooks: ['init'] }, undefined],
  ['a fault', { fault: { code: 'PLUGIN_IMPORT', message: 'boom' } }, /PLUGIN_IMPORT: boom/],
])('warns of a package that holds %s', (_name, contents, warning) => {
  const { warnings } = report(contents)
  expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning) as string])
})
