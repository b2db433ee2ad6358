import { newInstanceRecord } from '@p2p-playground/core'
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

describe('removing the active version', () => {
  const told = (): unknown => t.store.events({}).at(-1)?.message

  it('gives and tells what is active now, and does not start it', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect(await t.order('remove', '1.1.0')).toMatchObject([
      { version: '1.0.0', active: true, state: 'stopped' },
    ])
    expect(told()).toBe('web@1.1.0 removed; web@1.0.0 is active now, and was not started')
  })

  it('says nothing of a start where the next one runs', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    await t.order('start', '1.0.0')
    expect(await t.order('remove', '1.1.0')).toMatchObject([{ version: '1.0.0', state: 'running' }])
    expect(told()).toBe('web@1.1.0 removed; web@1.0.0 is active now')
  })

  it('gives nothing where nothing is left, or another one went', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect(await t.order('remove', '1.0.0')).toEqual([])
    expect(told()).toBe('web@1.0.0 removed')
    expect(await t.order('remove', '1.1.0')).toEqual([])
    expect(told()).toBe('web@1.1.0 removed')
  })
})

describe('what happens while the files of a version are deleted', () => {
  it('to the version that takes its place is kept', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    t.failpoint = (step) => {
      if (step === 'remove-files-gone')
        t.engine.table.update({ app: 'web', version: '1.0.0' }, { lastFailure: 'exit 7' })
    }
    await t.order('remove', '1.1.0')
    expect(t.record('1.0.0')).toMatchObject({ active: true, lastFailure: 'exit 7' })
  })

  it('leaves nothing of it in memory', async () => {
    const { launcher } = t.engine
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    const [kept, gone] = [t.record('1.0.0'), t.record('1.1.0')]
    const [keptManifest, goneManifest] = [launcher.manifestOf(kept), launcher.manifestOf(gone)]
    await t.order('remove', '1.1.0')
    expect(launcher.manifestOf(kept)).toBe(keptManifest)
    expect(launcher.manifestOf(gone)).not.toBe(goneManifest)
  })

  it('counts: an app to which a deploy began is not forgotten', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const key = { app: 'web', version: '2.0.0' }
    const apps: boolean[] = []
    t.failpoint = (step) => {
      if (step === 'remove-files-gone')
        t.engine.table.commit({ save: [newInstanceRecord(key, 'another')] })
      if (step === 'remove-committed') apps.push(t.engine.table.apps.has('web'))
    }
    await t.order('remove', '1.0.0')
    expect(apps).toEqual([true])
  })
})
