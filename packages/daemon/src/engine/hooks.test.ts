import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InMemoryRuntime, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, codeOf } from './engine.test.support.js'
import type { FetchJob } from './fetcher.js'

let t: EngineUnderTest

beforeEach(async () => {
  t = new EngineUnderTest()
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

/** Names of the hook and of what it writes. */
const HOOKS = 'scripts: { pre_start: pre, post_stop: post }\n'

async function jobWithHooks(version: string, extra = ''): Promise<FetchJob> {
  const app = join(t.dir, `app-${version}`)
  mkdirSync(app, { recursive: true })
  for (const hook of ['pre', 'post']) writeFileSync(join(app, hook), '#!/bin/sh\n')
  return t.jobOf(version, HOOKS + extra)
}

/** Lets each start end as the test says, by the last part of its program's path. */
function endRuns(exits: Readonly<Record<string, number>>): void {
  t.runtime.onStart = (spec, pid) => {
    const name = spec.command[0].split('/').at(-1) ?? ''
    const code = exits[name]
    if (code === undefined) return
    writeFileSync(spec.stdoutPath, `${name} speaks\n`, { flag: 'a' })
    t.runtime.end(pid, { kind: 'exited', code })
  }
}

const programs = (): string[] =>
  t.runtime.started.map((spec) => spec.command[0].split('/').at(-1) ?? '')

describe('hooks', () => {
  it('run before a start and after an end, and write to the log', async () => {
    endRuns({ pre: 0, post: 0 })
    await t.deploy(await jobWithHooks('1.0.0'))
    expect(programs()).toEqual(['pre', 'run'])
    await t.order('stop')
    expect(programs()).toEqual(['pre', 'run', 'post'])
    expect(await t.linesOf('1.0.0')).toEqual(['pre-start pre speaks', 'post-stop post speaks'])
    expect(t.record('1.0.0')).toMatchObject({ hook: null, postStopDue: false })
  })

  it('that fail before a start are a failed run', async () => {
    endRuns({ pre: 7, post: 0 })
    const job = await jobWithHooks('1.0.0', 'restart: { delay: 1ms, max_attempts: 2 }\n')
    expect(await codeOf(t.deploy(job))).toBe('APP_START')
    await waitFor('the last hook', () => !t.record('1.0.0').postStopDue)
    expect(programs()).toEqual(['pre', 'post', 'pre', 'post'])
    expect(t.record('1.0.0').condemned).toMatch(/^pre-start: exit 7; 2 starts/)
    expect(t.store.events({}).find((event) => event.type === 'hook')?.code).toBe('APP_HOOK')
  })

  it('that fail after an end are only told', async () => {
    endRuns({ pre: 0, post: 3 })
    await t.deploy(await jobWithHooks('1.0.0'))
    await t.order('restart')
    expect(t.record('1.0.0').state).toBe('running')
    expect(programs()).toEqual(['pre', 'run', 'post', 'pre', 'run'])
  })

  it('keep a version that is to go in the state removing until it has gone', async () => {
    endRuns({ pre: 0 })
    await t.deploy(await jobWithHooks('1.0.0'))
    const removing = t.order('remove')
    const hook = await waitFor('the last hook', () => t.record('1.0.0').hook)
    expect(t.record('1.0.0')).toMatchObject({ state: 'removing', handle: null })
    t.runtime.end(hook.pid, { kind: 'exited', code: 0 })
    await removing
    expect(t.find('1.0.0')).toBeUndefined()
  })

  it('that a killed daemon left running are ended by the next', async () => {
    endRuns({ post: 0 })
    const deploying = codeOf(t.deploy(await jobWithHooks('1.0.0')))
    const hook = await waitFor('the hook', () => t.find('1.0.0')?.hook)
    // What is on disk now is what a killed daemon leaves.
    const left = t.store.instances()
    await t.stop()
    await deploying
    const store = t.openStore()
    store.commit({ save: left })
    store.close()
    t.runtime = new InMemoryRuntime(t.runtime)
    endRuns({ pre: 0 })
    await t.start()
    await waitFor('the start', () => t.record('1.0.0').state === 'running')
    expect(await t.runtime.adopt(hook)).toBe(false)
    expect(t.record('1.0.0').startsMs).toHaveLength(1)
  })
})
