import type { PluginLifecycle } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { InMemoryLogSink } from '../fakes/in-memory-log-sink.js'
import { caseWith, within } from './contract-case.js'
import { logSinkCases } from './log-sink-contract.js'

describe('a case', () => {
  const log: string[] = []
  const plugin: PluginLifecycle = {
    open: async () => Promise.resolve(void log.push('open')),
    close: async () => Promise.resolve(void log.push('close')),
  }
  const hooks = { setup: () => void log.push('setup'), teardown: () => void log.push('teardown') }
  const theCase = caseWith(hooks, () => plugin)

  it('closes what was made, and runs the hooks, also when it fails', async () => {
    const failing = theCase('fails', async (create) => {
      await create()
      throw new Error('a promise is broken')
    })
    await expect(failing.run()).rejects.toThrow('a promise is broken')
    expect(log.splice(0)).toEqual(['setup', 'open', 'close', 'teardown'])
  })

  it('fails when only the close does', async () => {
    const stuck = { close: async () => Promise.reject(new Error('stuck')) }
    const theOther = caseWith(hooks, () => stuck)
    const closing = theOther('closes', async (create) => {
      await create()
    })
    await expect(closing.run()).rejects.toThrow('stuck')
    expect(log.splice(0)).toEqual(['setup', 'teardown'])
  })
})

it('says of each case that is left out which hook it wants', () => {
  const cases = logSinkCases({ create: () => new InMemoryLogSink(), stored: () => [] })
  expect(cases.flatMap(({ leftOut }) => leftOut ?? [])).toEqual(
    ['reopen', 'refuse', 'deny', 'down', 'slow'].map((hook) => `the setup has no "${hook}"`),
  )
})

it('says what took too long', async () => {
  const never = Promise.withResolvers<undefined>().promise
  await expect(within(1, 'the end', never)).rejects.toThrow('the end took longer than 1 ms')
})
