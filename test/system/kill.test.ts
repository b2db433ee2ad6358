import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { loadSigningKey, packDirectory } from '@p2p-playground/core/bundle'
import type { AppAction, AppRow } from '@p2p-playground/core'
import { FAILPOINTS } from '../../packages/daemon/src/engine/failpoint.js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Machines, writeApp } from '../harness/machines.js'
import { NodeUnderTest, programsOf } from '../harness/node-under-test.js'

/** `kill -9` of the daemon at every named step and at random moments: the old or the new, never anything between. */
const machines = new Machines()
const node = new NodeUnderTest(machines.machine('node-1'))
const packages = new Map<string, string>()

/** Trials that are over soon. */
const UPDATE = 'update: { healthy_after: 50ms, watch: 50ms, deadline: 5s }\n'
const HOOKS = 'scripts: { pre_start: bin/hook, post_stop: bin/hook }\n'
const GOOD = ['1.0.0', '1.1.0', '1.2.0', '1.3.0']
const BAD = '2.0.0'
const RANDOM_KILLS = 200
const MAX_READY_MS = 5000
/** Of the slowest trial and stop. */
const MAX_REST_MS = 20_000
const LOOK_MS = 20

beforeAll(async () => {
  await node.init()
  const key = await loadSigningKey(join(node.machine.home, 'signing.key'))
  for (const version of [...GOOD, BAD]) {
    const dir = writeApp(machines.base, {
      name: 'web',
      version,
      script: version === BAD ? 'exit 1' : 'exec sleep 100000',
      manifest: `restart: { policy: always, delay: 0s, max_attempts: ${version === BAD ? '1' : '1000'} }\n${UPDATE}${HOOKS}`,
      files: { 'bin/hook': Buffer.from('#!/bin/sh\necho hook\n') },
    })
    const outPath = machines.path(`web-${version}.p2p`)
    await packDirectory({ dir, outPath, key })
    packages.set(version, outPath)
  }
})

afterAll(async () => {
  await node.close()
  await machines.remove()
})

async function deploy(version: string): Promise<void> {
  const control = await node.control()
  const request = {
    packagePath: packages.get(version) ?? '',
    target: {},
    wait: true,
    timeoutMs: 10_000,
    allowDowngrade: true,
    localCopy: false,
  }
  for await (const { failure } of control.deploy(request, AbortSignal.timeout(15_000)))
    if (failure !== null) throw new Error(`${failure.code}: ${failure.message}`)
}

async function change(action: AppAction, version?: string): Promise<void> {
  const control = await node.control()
  const command = { action, app: 'web', version, target: {} }
  const { failures } = await control.changeApp(command, AbortSignal.timeout(15_000))
  const [failure] = failures
  if (failure !== undefined) throw new Error(`${failure.code}: ${failure.message}`)
}

const RESTING: readonly string[] = ['running', 'stopped', 'failed']

/** The rows once nothing is on its way any more. */
async function settled(): Promise<readonly AppRow[]> {
  const limit = performance.now() + MAX_REST_MS
  for (;;) {
    const rows = await node.apps()
    const restless = rows.filter(({ state }) => !RESTING.includes(state))
    if (restless.length === 0) return rows
    if (performance.now() > limit) throw new Error(`never at rest: ${JSON.stringify(restless)}`)
    await delay(LOOK_MS)
  }
}

/** What is there: versions that run, by state and by process; versions by state and by their files. */
async function look(): Promise<{ rows: readonly AppRow[]; seen: object; wanted: object }> {
  const rows = await settled()
  const versions = rows.map(({ version }) => version).sort()
  const seen = {
    // No orphan, no second copy, nothing that is said to run and does not.
    running: programsOf(node.machine, 'web')
      .map(({ pid, version }) => `${version} ${String(pid)}`)
      .sort(),
    // No half version, and nothing left of one.
    directories: node.versionDirs().sort(),
    whole: versions.filter((version) => {
      const files = join(node.machine.home, 'apps', 'web', version, 'files')
      return ['manifest.yaml', 'bin/run'].every((name) => existsSync(join(files, name)))
    }),
    stages: node.left('stage'),
    packages: node.left('packages').length,
  }
  const wanted = {
    running: rows
      .filter(({ pid }) => pid !== null)
      .map(({ version, pid }) => `${version} ${String(pid)}`)
      .sort(),
    directories: versions.map((version) => `web@${version}`),
    whole: versions,
    stages: [],
    packages: rows.length,
  }
  return { rows, seen, wanted }
}

/** What must hold a moment after a daemon has started again, and then stay so. */
async function expectSound(what: string): Promise<readonly AppRow[]> {
  let found = await look()
  const limit = performance.now() + MAX_READY_MS
  while (!isDeepStrictEqual(found.seen, found.wanted) && performance.now() < limit)
    found = await look()
  expect(found.seen, what).toEqual(found.wanted)
  expect(found.rows.filter(({ active }) => active).length, what).toBeLessThanOrEqual(1)
  return found.rows
}

/** Back to one version that runs. */
async function reset(): Promise<void> {
  const rows = await settled()
  if (rows.length > 0) await change('remove')
  await deploy('1.0.0')
}

const STEPS: Readonly<
  Record<string, { readonly act: () => Promise<void>; readonly steps: readonly string[] }>
> = {
  install: {
    act: () => deploy('1.1.0'),
    steps: ['install-admitted', 'install-staged', 'install-in-place', 'install-committed'],
  },
  upgrade: {
    act: () => deploy('1.1.0'),
    steps: [
      'select',
      'stop-intended',
      'stop-ended',
      'stop-committed',
      'post-stop-ended',
      'start-intended',
      'start-hook-ended',
      'start-placed',
      'start-committed',
    ],
  },
  rollback: { act: () => deploy(BAD), steps: ['roll-back', 'roll-back-committed'] },
  remove: {
    act: () => change('remove'),
    steps: ['remove-intended', 'remove-log-gone', 'remove-files-gone', 'remove-committed'],
  },
}

afterEach(async () => {
  if (node.pid > 0) await node.kill()
})

test('all steps that the engine names are tried', () => {
  const tried = Object.values(STEPS).flatMap(({ steps }) => steps)
  expect([...tried].sort()).toEqual([...FAILPOINTS].sort())
})

describe.each(Object.entries(STEPS))('%s, killed', (_name, { act, steps }) => {
  test.each(steps)('at %s', async (step) => {
    await node.start()
    await reset()
    await node.kill()
    await node.start({ P2P_PLAYGROUND_FAILPOINT: step })
    const [before] = await settled()
    // Nobody is left to answer.
    await expect(act()).rejects.toThrow()
    await node.gone()
    await node.kill()
    await node.start()
    const rows = await expectSound(step)
    if (step.startsWith('remove')) expect(rows).toEqual([])
    else {
      const active = rows.find((row) => row.active)
      expect(active?.state).toBe('running')
      if (step.startsWith('roll-back')) {
        expect(active?.version).toBe('1.0.0')
        expect(rows.find(({ version }) => version === BAD)?.state).toBe('failed')
      }
      // Until the new one is in the state, the old one is left alone.
      if (step.startsWith('install') && active?.version === '1.0.0')
        expect(active.pid).toBe(before?.pid)
    }
  })
})

/** A small random generator, so that a run can be repeated (https://en.wikipedia.org/wiki/Xorshift). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

test(`${String(RANDOM_KILLS)} kills at random moments`, { timeout: 600_000 }, async () => {
  const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 2 ** 31)
  process.stdout.write(`kill.test: KILL_SEED=${String(seed)} repeats the choices\n`)
  const random = randomFrom(seed)
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[Math.floor(random() * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }
  const acts: readonly (() => Promise<void>)[] = [
    () => deploy(pick([...GOOD, BAD])),
    () => deploy(pick([...GOOD, BAD])),
    () => change('restart'),
    () => change('stop'),
    () => change('start'),
    () => change('rollback', pick(GOOD)),
    () => change('upgrade', pick(GOOD)),
    () => change('remove', pick(GOOD)),
    // At rest: what runs must go on as the same process.
    async () => Promise.resolve(),
  ]
  await node.start()
  await reset()
  let rests = 0
  for (let round = 1; round <= RANDOM_KILLS; round += 1) {
    const act = pick(acts)
    const before = await settled()
    // Most of these fail: the one who should answer is killed.
    const acting = act().catch(() => undefined)
    await delay(random() * 150)
    await node.kill()
    await acting
    await node.start()
    const what = `round ${String(round)}, seed ${String(seed)}`
    const after = await expectSound(what)
    if (act === acts.at(-1)) {
      const pidsOf = (rows: readonly AppRow[]): string[] =>
        rows.map(({ version, pid }) => `${version} ${String(pid)}`)
      expect(pidsOf(after), what).toEqual(pidsOf(before))
      rests += 1
    }
    if (after.length === 0) await deploy('1.0.0')
  }
  expect(rests).toBeGreaterThan(0)
  expect(Math.max(...node.readyMs)).toBeLessThan(MAX_READY_MS)
})
