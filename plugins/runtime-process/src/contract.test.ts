import { RecordingLogger } from '@p2p-playground/testkit'
import { pluginContract, runtimeContract, shellPrograms } from '@p2p-playground/testkit/contracts'
import { systemClock } from '@p2p-playground/core'
import type { Runtime } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import plugin from './index.js'

const create = (): Runtime =>
  plugin.create({ config: {}, logger: new RecordingLogger(), clock: systemClock, dataDir: '' })

runtimeContract('runtime-process', {
  create,
  ...shellPrograms,
})

pluginContract(plugin, { valid: [{}], invalid: [{ limits: true }, null] })

it('is the plugin "process", and says that it sets no limits', async () => {
  expect(plugin).toMatchObject({ kind: 'runtime', name: 'process', api: '1.0' })
  const { cpu, memory, pids } = await create().support()
  const not = { enforced: false, why: 'the runtime "process" sets no limits' }
  expect([cpu, memory, pids]).toEqual([not, not, not])
})
