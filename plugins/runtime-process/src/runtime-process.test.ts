import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RecordingLogger } from '@p2p-playground/testkit'
import { pluginContract, runtimeContract } from '@p2p-playground/testkit/contracts'
import { systemClock } from '@p2p-playground/core'
import type { Runtime } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import plugin from './index.js'

const create = (): Runtime =>
  plugin.create({ config: {}, logger: new RecordingLogger(), clock: systemClock, dataDir: '' })

function script(dir: string, name: string, body: string): [string] {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return [path]
}

runtimeContract('runtime-process', {
  create,
  endless: (dir) => script(dir, 'endless', 'exec sleep 1000'),
  exits: (dir, code) => script(dir, 'exits', `exit ${String(code)}`),
  stubborn: (dir, ready) => [
    ...script(dir, 'stubborn', 'trap "" TERM; : > "$1"; while :; do sleep 0.05; done'),
    ready,
  ],
  prints: (dir) => script(dir, 'prints', 'for arg in "$@"; do printf "%s\\n" "$arg"; done'),
})

pluginContract(plugin, { valid: [{}], invalid: [{ limits: true }, null] })

it('is the plugin "process", and says that it sets no limits', async () => {
  expect(plugin).toMatchObject({ kind: 'runtime', name: 'process', api: '1.0' })
  const { cpu, memory, pids } = await create().support()
  const not = { enforced: false, why: 'the runtime "process" sets no limits' }
  expect([cpu, memory, pids]).toEqual([not, not, not])
})
