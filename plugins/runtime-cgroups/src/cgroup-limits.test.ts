import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CgroupConfinement } from './cgroup-confinement.js'
import { cpuQuota } from './cgroup-limits.js'
import type { Hierarchy } from './hierarchies.js'

it.each([
  [0.25, 25_000, 100_000],
  [1, 100_000, 100_000],
  [2.5, 250_000, 100_000],
  [0.005, 5000, 1_000_000],
  [0.0001, 1000, 1_000_000],
])('%d cores are %d of %d microseconds', (cores, quotaUs, periodUs) => {
  expect(cpuQuota(cores)).toEqual({ quotaUs, periodUs })
})

describe('where limits cannot be kept', () => {
  let dir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-cgroup-'))
  })

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })

  /** A directory that looks like a cgroup of version 2. */
  const unified = (controllers: string): Hierarchy => {
    writeFileSync(join(dir, 'cgroup.controllers'), `${controllers}\n`)
    writeFileSync(join(dir, 'cgroup.procs'), '')
    return { version: 2, controllers: [], top: dir, own: dir }
  }
  const supportOf = async (
    hierarchies: readonly Hierarchy[],
    root?: string,
  ): Promise<(string | undefined)[]> => {
    const options = { node: 'n', clock: new FakeClock(), ...(root === undefined ? {} : { root }) }
    const { cpu, memory, pids } = await new CgroupConfinement(hierarchies, options).support()
    return [cpu, memory, pids].map((one) => (one.enforced ? undefined : one.why))
  }

  it('says that there are no cgroups', async () => {
    const why = 'this machine has no cgroups'
    expect(await supportOf([])).toEqual([why, why, why])
  })

  it('says which controller was not delegated', async () => {
    expect(await supportOf([unified('memory pids')])).toEqual([
      `the cgroup ${dir} has no controller "cpu"`,
      undefined,
      undefined,
    ])
  })

  it('says that the configured place is not there', async () => {
    const [why] = await supportOf([unified('cpu memory pids')], '/none/x')
    expect(why).toBe(`there is no cgroup ${dir}/none`)
  })

  it('says which hierarchy of version 1 is missing', async () => {
    mkdirSync(join(dir, 'memory'))
    writeFileSync(join(dir, 'memory', 'cgroup.procs'), '')
    const memory = join(dir, 'memory')
    expect(
      await supportOf([{ version: 1, controllers: ['memory'], top: memory, own: memory }]),
    ).toEqual(['no cgroup hierarchy has "cpu"', undefined, 'no cgroup hierarchy has "pids"'])
  })

  it('takes version 1 when version 2 is mounted without controllers, and says what is wrong with it', async () => {
    const [why] = await supportOf([
      unified(''),
      { version: 1, controllers: ['cpu', 'memory', 'pids'], top: '/none', own: '/none' },
    ])
    expect(why).toBe('the cgroup /none cannot be written')
  })
})
