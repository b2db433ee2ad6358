import { systemClock } from '@p2p-playground/core'
import { RecordingLogger } from '@p2p-playground/testkit'
import { pluginContract, runtimeContract, shellPrograms } from '@p2p-playground/testkit/contracts'
import plugin from './index.js'

runtimeContract('runtime-cgroups', {
  create: () =>
    plugin.create({
      config: {},
      logger: new RecordingLogger(),
      clock: systemClock,
      dataDir: '/contract-test',
    }),
  ...shellPrograms,
})

pluginContract(plugin, {
  valid: [{}, { root: '/p2p-playground' }],
  invalid: [{ root: 5 }, { root: '../elsewhere' }, 'root'],
})
