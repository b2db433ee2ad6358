import { describe, expect, it } from 'vitest'
import { parseAdmittedManifest, parseManifest } from './manifest.js'

const MINIMAL = 'name: app\nversion: 1.0.0\nentrypoint: bin/run\n'

describe('parseManifest', () => {
  it('fills in defaults', () => {
    expect(parseManifest(MINIMAL, 'm.yaml')).toMatchObject({
      name: 'app',
      version: '1.0.0',
      entrypoint: 'bin/run',
      args: [],
      env: {},
      ports: {},
      healthCheck: undefined,
      restart: {
        policy: 'on-failure',
        delayMs: 1000,
        backoffMaxMs: 60_000,
        maxAttempts: 5,
        windowMs: 600_000,
      },
      update: { healthyAfterMs: 10_000, deadlineMs: 60_000, watchMs: 60_000, autoRollback: true },
      secrets: [],
    })
  })

  it.each([
    ['ports', 'ports: [8080]\n'],
    ['env', 'env: [A=b]\n'],
    ['restart', 'restart: []\n'],
    ['health_check', 'health_check: [http]\n'],
  ])('refuses a list for the map %s, once', (key, line) => {
    expect(() => parseManifest(MINIMAL + line, 'm.yaml')).toThrow(
      new RegExp(`^m\\.yaml:4:\\d+: "${key}" must be a map, not a list$`),
    )
  })

  it('refuses a list of programs, and a document that is a list', () => {
    const list = MINIMAL.replace('bin/run', '[bin/run]')
    expect(() => parseManifest(list, 'm.yaml')).toThrow(/"entrypoint" must be a map, not a list$/)
    expect(() => parseManifest('- a\n', 'm.yaml')).toThrow(/the document must be a map[^)]+$/)
  })

  it('still reads a list in a package that is here already', () => {
    const { ports } = parseAdmittedManifest(`${MINIMAL}ports: [8080]\n`, 'm.yaml')
    expect(ports).toEqual({ 0: 8080 })
  })

  it('says that a duration wants a unit, and that a type is missing', () => {
    expect(() => parseManifest(`${MINIMAL}restart: { delay: 5 }\n`, 'm.yaml')).toThrow(
      '"restart.delay" must be a duration with a unit: 250ms, 10s, 5m, not 5',
    )
    expect(() => parseManifest(`${MINIMAL}health_check: {}\n`, 'm.yaml')).toThrow(
      '"health_check.type" is missing',
    )
  })

  it('reads every key', () => {
    const manifest = parseManifest(
      `name: web
version: 2.1.0-rc.1
description: text
entrypoint: { linux-x64: bin/x, linux-arm64: bin/a }
args: ["--port=\${port.web}"]
env: { A: b }
work_dir: data
ports: { web: 0, admin: 9000 }
resources: { cpu_limit: 500m, memory_limit: 512Mi, pids_limit: 64 }
runtime: process
health_check: { type: http, endpoint: /health, interval: 2s, timeout: 500ms, retries: 5, start_period: 1m }
restart: { policy: always, delay: 0s, backoff_max: 30s, max_attempts: 3, window: 1h30m }
update: { policy: graceful, max_wait: 1h, auto_rollback: false }
scripts: { pre_start: scripts/pre.sh }
secrets: [A]
created_at: 2026-01-31T12:00:00Z
x-team: { anything: goes }
`,
      'm.yaml',
    )
    expect(manifest).toMatchObject({
      entrypoint: { 'linux-x64': 'bin/x', 'linux-arm64': 'bin/a' },
      resources: { cpuCores: 0.5, memoryBytes: 512 * 1024 * 1024, pids: 64 },
      healthCheck: {
        type: 'http',
        intervalMs: 2000,
        timeoutMs: 500,
        retries: 5,
        startPeriodMs: 60_000,
        spec: { endpoint: '/health' },
      },
      restart: { policy: 'always', delayMs: 0, windowMs: 5_400_000 },
      update: { policy: 'graceful', maxWaitMs: 3_600_000, autoRollback: false },
      scripts: { preStart: 'scripts/pre.sh' },
      createdAtMs: Date.UTC(2026, 0, 31, 12),
    })
  })

  it('raises what an earlier version admitted to the bounds of today', () => {
    const text = `${MINIMAL}health_check: { type: tcp, interval: 1ms, timeout: 0s }\n`
    expect(parseAdmittedManifest(text, 'm.yaml').healthCheck).toMatchObject({
      intervalMs: 100,
      timeoutMs: 100,
    })
    const small = `${MINIMAL}resources: { memory_limit: 64 }\n`
    expect(parseAdmittedManifest(small, 'm.yaml').resources.memoryBytes).toBe(1024 ** 2)
    const fine = `${MINIMAL}health_check: { type: tcp, interval: 30d, timeout: 100ms }\n`
    expect(parseAdmittedManifest(fine, 'm.yaml')).toEqual(parseManifest(fine, 'm.yaml'))
  })

  it('takes cpu and memory as other names of the limits', () => {
    const { resources } = parseManifest(`${MINIMAL}resources: { cpu: 2, memory: 1Gi }\n`, 'm.yaml')
    expect(resources).toMatchObject({ cpuCores: 2, memoryBytes: 1024 ** 3 })
  })

  it.each([
    ['an unknown key', 'nmae: x', 'CONFIG_UNKNOWN_KEY', 'm.yaml:4:1: unknown key "nmae"'],
    [
      'an unknown inner key',
      'restart: { delays: 1s }',
      'CONFIG_UNKNOWN_KEY',
      'm.yaml:4:12: unknown key "restart.delays"',
    ],
    ['a bare duration', 'restart: { delay: 5 }', 'CONFIG_INVALID', 'm.yaml:4:12: '],
    ['a wrong duration', 'restart: { delay: 5x }', 'CONFIG_INVALID', '"5x" is not a duration'],
    [
      'a check without a rest',
      'health_check: { type: tcp, interval: 0s }',
      'CONFIG_INVALID',
      'm.yaml:4:28: "health_check.interval": must be at least 100ms',
    ],
    [
      'a check that has no time',
      'health_check: { type: tcp, timeout: 99ms }',
      'CONFIG_INVALID',
      'm.yaml:4:28: "health_check.timeout": must be at least 100ms',
    ],
    ['a wrong size', 'resources: { memory: 1Gx }', 'CONFIG_INVALID', 'm.yaml:4:14: '],
    [
      'a size of memory without its unit',
      'resources: { memory_limit: 512 }',
      'CONFIG_INVALID',
      'm.yaml:4:14: "resources.memory_limit": must be at least 1Mi (a number alone is bytes)',
    ],
    ['no memory', 'resources: { memory: 0Mi }', 'CONFIG_INVALID', 'must be at least 1Mi'],
    ['a port out of range', 'ports: { web: 70000 }', 'CONFIG_INVALID', 'm.yaml:4:10: '],
    ['a path outside', 'work_dir: ../x', 'CONFIG_INVALID', 'without ".."'],
    ['a variable that no shell knows', 'env: { a.b: c }', 'CONFIG_INVALID', 'letters, digits'],
    ['a NUL', 'env: { A: "\\0" }', 'CONFIG_INVALID', 'must not hold a NUL'],
    ['a wrong time', 'created_at: yesterday', 'CONFIG_INVALID', '"yesterday" is not a time'],
    ['a key twice', 'name: again', 'CONFIG_YAML', 'm.yaml:4:1: '],
    ['no YAML', 'a: [1', 'CONFIG_YAML', 'm.yaml:'],
    ['an alias', 'env: &e { A: b }\nargs: *e', 'CONFIG_YAML', 'alias'],
  ])('refuses %s (%s) with %s', (_name, line, code, message) => {
    const parse = (): unknown => parseManifest(`${MINIMAL}${line}\n`, 'm.yaml')
    expect(parse).toThrow(expect.objectContaining({ code }))
    expect(parse).toThrow(message)
  })

  it('refuses tabs that indent, and says what to use', () => {
    const hint = 'Indent with spaces.'
    expect(() => parseManifest(`${MINIMAL}env:\n\tA: b\n`, 'm.yaml')).toThrow(
      expect.objectContaining({ code: 'CONFIG_YAML', hint }),
    )
  })

  it('refuses a version that YAML reads as a number, as it was written', () => {
    const text = 'name: app\nversion: 1.10\nentrypoint: run\n'
    expect(() => parseManifest(text, 'm.yaml')).toThrow(
      'm.yaml:2:1: version 1.10 is read as a number',
    )
  })

  it.each(['1.0', 'v1.0.0', '1.0.0.0', 'latest', '01.0.0'])(
    'refuses the version "%s"',
    (version) => {
      const text = `name: app\nversion: "${version}"\nentrypoint: run\n`
      expect(() => parseManifest(text, 'm.yaml')).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      )
    },
  )

  it.each(['App', '-app', 'a_b', 'a'.repeat(64), ''])('refuses the name "%s"', (name) => {
    const text = `name: "${name}"\nversion: 1.0.0\nentrypoint: run\n`
    expect(() => parseManifest(text, 'm.yaml')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })

  it('suggests the key that was meant', () => {
    const parse = (): unknown => parseManifest(`${MINIMAL}entrypont: x\n`, 'm.yaml')
    expect(parse).toThrow(expect.objectContaining({ hint: 'Did you mean "entrypoint"?' }))
  })

  it('lists all problems, the first one in the message', () => {
    const parse = (): unknown => parseManifest('name: A\nversion: x\n', 'm.yaml')
    expect(parse).toThrow(/and 2 more/)
  })
})
