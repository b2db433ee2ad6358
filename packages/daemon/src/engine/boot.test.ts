import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { InMemoryRuntime, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, asker } from './engine.test.support.js'
import type { Failpoint } from './failpoint.js'

let t: EngineUnderTest

beforeEach(async () => {
  t = new EngineUnderTest()
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

/** Asks for the removal of the app, and ends the daemon when it comes to a step. */
async function cutOff(last: Failpoint, more: { readonly secure?: boolean } = {}): Promise<void> {
  let isThere = false
  t.failpoint = (step) => {
    if (step !== last) return
    isThere = true
    throw new Error(`killed at ${step}`)
  }
  const patience = new AbortController()
  const order = { action: 'remove', app: 'web', version: undefined, ...more } as const
  const removing = t.parts.commands.change(order, asker, patience.signal).catch(ignore)
  await waitFor(last, () => isThere)
  patience.abort()
  await removing
  await t.stop()
  t.failpoint = () => undefined
}

/** Nobody is left to answer. */
function ignore(): undefined {
  return undefined
}

/** Of an open file, which may be deleted: there is nothing but zeros in it. */
function isBlank(file: number): boolean {
  const content = Buffer.alloc(fstatSync(file).size, 'x')
  readSync(file, content, 0, content.length, 0)
  return content.every((byte) => byte === 0)
}

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

  it.each(['remove-intended', 'remove-log-gone', 'remove-files-gone'] as const)(
    'goes, when it was on its way out at %s, and is not repaired for that',
    async (last) => {
      await t.deploy(await t.jobOf('1.0.0'))
      await cutOff(last)
      await t.start()
      await waitFor('its end', () => t.find('1.0.0') === undefined)
      expect(t.events()).toContain('removed 1.0.0')
      expect(t.events()).not.toContain('repaired 1.0.0')
      expect(existsSync(join(t.dir, 'quarantine'))).toBe(false)
      expect(t.engine.table.apps.size).toBe(0)
    },
  )

  it.each(['remove-intended', 'remove-log-gone'] as const)(
    'is still overwritten, when that was asked for before the daemon was killed at %s',
    async (last) => {
      const job = await t.jobOf('1.0.0', 'env: { TOKEN: confidential }\n')
      await t.deploy(job)
      const paths = [
        join(t.dir, 'apps', 'web', '1.0.0', 'files', 'manifest.yaml'),
        join(t.dir, 'packages', `${job.id.digest}.p2p`),
      ]
      const kept = paths.map((path) => openSync(path, 'r'))
      await cutOff(last, { secure: true })
      expect(kept.every((file) => isBlank(file))).toBe(false)
      await t.start()
      await waitFor('its end', () => t.find('1.0.0') === undefined)
      expect(kept.map((file) => isBlank(file))).toEqual([true, true])
      expect(paths.some((path) => existsSync(path))).toBe(false)
      for (const file of kept) closeSync(file)
    },
  )

  it('is not overwritten when it was only to be removed', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const kept = openSync(join(t.dir, 'apps', 'web', '1.0.0', 'files', 'manifest.yaml'), 'r')
    await cutOff('remove-intended')
    await t.start()
    await waitFor('its end', () => t.find('1.0.0') === undefined)
    expect(isBlank(kept)).toBe(false)
    closeSync(kept)
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
