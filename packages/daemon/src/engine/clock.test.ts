import { readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { FakeClock, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest } from './engine.test.support.js'

const HOUR = 3_600_000

let clock: FakeClock
let t: EngineUnderTest

beforeEach(async () => {
  clock = new FakeClock()
  t = new EngineUnderTest(clock)
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

/** Until something is so, which may need the disk; with `stepMs`, the clock moves on by so much at each look. */
async function until(what: string, isSo: () => boolean, stepMs = 0): Promise<void> {
  await waitFor(what, async () => {
    if (isSo()) return true
    await clock.advance(stepMs)
    return isSo()
  })
}

async function running(extra = ''): Promise<void> {
  await t.deploy(await t.jobOf('1.0.0', extra), { wait: false, timeoutMs: 5000 })
  await until('it runs', () => t.pidOf('1.0.0') > 0)
}

const starts = (): number => t.runtime.started.length
const jump = (byMs: number): void => {
  clock.setWall(clock.now() + byMs)
}

describe('the engine by a clock that a test moves', () => {
  it('starts nothing and stops nothing because the wall clock jumps', async () => {
    await running('health_check: { type: fake, interval: 1s }\n')
    await until('it is healthy', () => t.record('1.0.0').state === 'healthy', 10)
    for (const byMs of [HOUR, -2 * HOUR, HOUR]) {
      jump(byMs)
      await clock.advance(20_000)
    }
    expect(starts()).toBe(1)
    expect(t.record('1.0.0')).toMatchObject({ state: 'healthy' })
    expect(t.events().filter((event) => /^(stopped|exited)/.test(event))).toEqual([])
  })

  it.each([HOUR, -HOUR])('keeps the delay of a restart when it jumps by %d ms', async (byMs) => {
    await running('restart: { delay: 10s, policy: always }\n')
    t.runtime.end(t.pidOf('1.0.0'), { kind: 'exited', code: 1 })
    await until('its end is known', () => t.record('1.0.0').state === 'backoff')
    jump(byMs)
    await clock.advance(9000)
    expect(starts()).toBe(1)
    await until('it starts', () => starts() === 2, 100)
  })

  it.each([HOUR, -HOUR])(
    'neither hastens nor ends a trial when it jumps by %d ms',
    async (byMs) => {
      await running('update: { healthy_after: 10s, watch: 60s }\n')
      jump(byMs)
      await clock.advance(5000)
      expect(t.engine.table.app('web').trial).toMatchObject({ provedMs: null })
      await until('it is proved', () => t.engine.table.app('web').trial?.provedMs !== null, 100)
      jump(-byMs)
      await clock.advance(55_000)
      expect(t.engine.table.app('web').stable).toBeNull()
      await until('it is stable', () => t.engine.table.app('web').stable === '1.0.0', 100)
    },
  )

  it('prunes the version that came first, and goes back to the last, though it was set back', async () => {
    const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0']
    for (const version of versions) {
      await t.deploy(await t.jobOf(version), { wait: false, timeoutMs: 5000 })
      await until(`${version} runs`, () => t.pidOf(version) > 0)
      await until(`${version} is stable`, () => t.engine.table.app('web').stable === version, 1000)
      jump(-HOUR)
    }
    const gone = (): string[] => versions.filter((version) => t.find(version) === undefined)
    await until('one is given up', () => gone().length > 0)
    expect(gone()).toEqual(['1.0.0'])
    await t.order('remove', '1.3.0')
    expect(t.record('1.2.0')).toMatchObject({ active: true })
  })

  it('starts a crash loop exactly as often as is allowed, each time after twice the delay', async () => {
    await running('restart: { policy: always, delay: 1s, backoff_max: 4s, max_attempts: 5 }\n')
    const atMs: number[] = [clock.monotonic()]
    for (let count = 2; count <= 5; count += 1) {
      t.runtime.end(t.pidOf('1.0.0'), { kind: 'exited', code: 1 })
      await until('its end is known', () => t.record('1.0.0').state === 'backoff')
      await until('another start', () => starts() === count, 10)
      await until('it runs', () => t.pidOf('1.0.0') > 0)
      atMs.push(clock.monotonic())
    }
    t.runtime.end(t.pidOf('1.0.0'), { kind: 'exited', code: 1 })
    await until('its last end is known', () => t.record('1.0.0').state === 'failed')
    await clock.advance(120_000)
    expect(starts()).toBe(5)
    expect(t.record('1.0.0').state).toBe('failed')
    const pausesS = atMs.slice(1).map((ms, index) => Math.floor((ms - (atMs[index] ?? 0)) / 1000))
    expect(pausesS).toEqual([1, 2, 4, 4])
  })
})

describe('transfers that nobody has continued for a day', () => {
  it('are dropped when another begins, and at the start of a daemon', async () => {
    const job = await t.jobOf('1.0.0')
    const incoming = join(t.dir, 'incoming')
    const own = basename(t.parts.packages.partPath(job.id, job.list.digest))
    for (const name of [own, 'other.part']) {
      writeFileSync(join(incoming, name), 'half')
      utimesSync(join(incoming, name), clock.now() / 1000, clock.now() / 1000)
    }
    await clock.advance(25 * HOUR)
    t.source = new Error('connection lost')
    await expect(t.deploy(job)).rejects.toThrow('connection lost')
    expect(readdirSync(incoming)).toEqual([own])
    await t.stop()
    await t.start()
    expect(readdirSync(incoming)).toEqual([])
  })
})
