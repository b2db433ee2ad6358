import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InMemoryRuntime, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest } from './engine.test.support.js'

let t: EngineUnderTest

beforeEach(async () => {
  t = new EngineUnderTest()
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

describe('what was found at the start of a daemon', () => {
  it('is repaired from the package when files are gone', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.order('stop')
    await t.stop()
    rmSync(join(t.dir, 'apps', 'web', '1.0.0', 'files'), { recursive: true })
    await t.start()
    expect(existsSync(join(t.dir, 'apps', 'web', '1.0.0', 'files', 'run'))).toBe(true)
    expect(t.store.events({}).at(-1)).toMatchObject({ type: 'repaired', code: 'STATE_CORRUPT' })
  })

  it('is set aside when its package is damaged too', async () => {
    const job = await t.jobOf('1.0.0')
    await t.deploy(job)
    await t.order('stop')
    await t.stop()
    rmSync(join(t.dir, 'apps', 'web', '1.0.0', 'files'), { recursive: true })
    writeFileSync(join(t.dir, 'packages', `${job.id.digest}.p2p`), 'garbage')
    await t.start()
    expect(t.engine.table.list()).toEqual([])
    expect(readdirSync(join(t.dir, 'quarantine'))).toHaveLength(1)
    await t.deploy(job)
    expect(t.record('1.0.0').state).toBe('running')
  })

  it('starts again at once when the machine was started again', async () => {
    await t.deploy(await t.jobOf('1.0.0', 'restart: { policy: always, delay: 1h }\n'))
    await t.stop()
    t.runtime = new InMemoryRuntime()
    t.bootId = 'next boot'
    await t.start()
    await waitFor('the start', () => t.runtime.started.length === 1)
    expect(t.record('1.0.0').startsMs).toHaveLength(1)
  })

  it('does not repeat what was to run once when the machine was started again', async () => {
    await t.deploy(await t.jobOf('1.0.0', 'restart: { policy: never }\n'))
    await t.stop()
    t.runtime = new InMemoryRuntime()
    t.bootId = 'next boot'
    await t.start()
    await waitFor('the end', () => t.record('1.0.0').handle === null)
    expect(t.runtime.started).toEqual([])
  })
})
