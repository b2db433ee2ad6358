import { describe, expect, it } from 'vitest'
import type { HealthChecker, ReplayFloor } from '@p2p-playground/core'
import { parseManifest } from '@p2p-playground/core/manifest'
import { FakeHealthChecker } from '@p2p-playground/testkit'
import { admit, admitCreatedAt, checkRunnable, raisedFloor } from './admission.js'
import type { AdmissionContext } from './admission.js'
import { wantedRecord } from './fetcher.js'

const id = (
  version: string,
  digest = 'a'.repeat(64),
): { app: string; version: string; digest: string } => ({
  app: 'web',
  version,
  digest,
})

function context(options: {
  floor?: ReplayFloor
  digest?: string
  apps?: string[]
  maxApps?: number
  allowDowngrade?: boolean
  badDigests?: string[]
}): AdmissionContext {
  const list = { digest: new Uint8Array(32), sizeBytes: 1, pieces: [] }
  return {
    instances: (options.apps ?? []).map((app) =>
      wantedRecord({
        id: { ...id('1.0.0'), app },
        list,
        sources: [],
        allowDowngrade: false,
        by: 'p',
      }),
    ),
    store: { floor: () => options.floor, digestOf: () => options.digest },
    maxApps: options.maxApps ?? 10,
    allowDowngrade: options.allowDowngrade ?? false,
    badDigests: options.badDigests ?? [],
  }
}

const floor = { app: 'web', version: '2.0.0', createdAtMs: 500 }

describe('admit', () => {
  it.each<[string, string, Parameters<typeof context>[0]]>([
    ['a first version', '1.0.0', {}],
    ['a higher one', '2.0.1', { floor }],
    ['the same again', '2.0.0', { floor, digest: 'a'.repeat(64) }],
    ['a lower one that is allowed', '1.0.0', { floor, allowDowngrade: true }],
    [
      'a version of an app that is there, on a full node',
      '1.1.0',
      { apps: ['web', 'db'], maxApps: 2 },
    ],
    ['a release above its prereleases', '2.0.0', { floor: { ...floor, version: '2.0.0-rc.9' } }],
  ])('lets %s in', (_name, version, options) => {
    expect(() => {
      admit(id(version), context(options))
    }).not.toThrow()
  })

  it.each<[string, string, Parameters<typeof context>[0], string]>([
    ['a lower one', '1.9.9', { floor }, 'APP_DOWNGRADE'],
    ['a prerelease below its release', '2.0.0-rc.1', { floor }, 'APP_DOWNGRADE'],
    [
      'other content under a known version',
      '2.0.0',
      { floor, digest: 'b'.repeat(64) },
      'APP_VERSION_EXISTS',
    ],
    [
      'other content even with a downgrade allowed',
      '2.0.0',
      { digest: 'b'.repeat(64), allowDowngrade: true },
      'APP_VERSION_EXISTS',
    ],
    ['one app too many', '1.0.0', { apps: ['db', 'cache'], maxApps: 2 }, 'APP_LIMIT'],
  ])('keeps %s out', (_name, version, options, code) => {
    expect(() => {
      admit(id(version), context(options))
    }).toThrow(expect.objectContaining({ code }))
  })

  it.each(['2.0.0', '2.0.0+build.7'])(
    'keeps the same version packed earlier out: %s',
    (version) => {
      expect(() => {
        admitCreatedAt(id(version), 499, context({ floor }))
      }).toThrow(expect.objectContaining({ code: 'APP_DOWNGRADE' }))
      expect(() => {
        admitCreatedAt(id('2.0.0'), 500, context({ floor }))
        admitCreatedAt(id('2.1.0'), 1, context({ floor }))
      }).not.toThrow()
    },
  )
})

it.each([
  [undefined, '1.0.0', 5, { version: '1.0.0', createdAtMs: 5 }],
  [floor, '3.0.0', 5, { version: '3.0.0', createdAtMs: 5 }],
  [floor, '2.0.0', 900, { version: '2.0.0', createdAtMs: 900 }],
  [floor, '1.0.0', 900, { version: '2.0.0', createdAtMs: 500 }],
])('the floor only rises: %o and %s at %d', (before, version, createdAtMs, expected) => {
  expect(raisedFloor(id(version), createdAtMs, before)).toEqual({ app: 'web', ...expected })
})

describe('checkRunnable', () => {
  const node = {
    name: 'n1',
    labels: { region: 'north' },
    platform: 'linux-x64',
    defaultRuntime: 'process',
    runtimes: new Set(['process']),
    healthCheckers: new Map<string, HealthChecker<unknown>>([['fake', new FakeHealthChecker()]]),
    lacks: () => undefined,
  }
  const manifest = (extra: string): ReturnType<typeof parseManifest> =>
    parseManifest(`name: web\nversion: 1.0.0\n${extra}\n`, 'manifest.yaml')

  it.each([
    ['entrypoint: { linux-x64: run }'],
    ["entrypoint: run\nargs: ['${node.label.region}', '${HOME}']"],
    ["entrypoint: run\nports: { web: 0 }\nhealth_check: { type: fake, answer: ':${port.web}' }"],
  ])('takes what this node can run: %s', async (extra) => {
    await expect(checkRunnable(manifest(extra), node)).resolves.toBeUndefined()
  })

  it.each([
    ['another platform', 'entrypoint: { linux-arm64: run }', 'APP_PLATFORM'],
    ['another runtime', 'entrypoint: run\nruntime: podman', 'RUNTIME_NOT_FOUND'],
    [
      'another health check',
      'entrypoint: run\nhealth_check: { type: redis }',
      'RUNTIME_HEALTH_TYPE',
    ],
    [
      'a health check with a key that it does not know',
      'entrypoint: run\nhealth_check: { type: fake, answr: well }',
      'RUNTIME_HEALTH_SPEC',
    ],
    [
      'a label that this node does not have, in env',
      "entrypoint: run\nenv: { ZONE: '${node.label.zone}' }",
      'APP_REFERENCE',
    ],
    [
      'the same in a health check',
      "entrypoint: run\nhealth_check: { type: fake, answer: '${node.label.zone}' }",
      'APP_REFERENCE',
    ],
  ])('refuses %s: %s', async (_name, extra, code) => {
    await expect(checkRunnable(manifest(extra), node)).rejects.toMatchObject({ code })
  })
})
