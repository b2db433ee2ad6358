import type { Enforcement } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import { supportLine } from './support-view.js'

const no = (why: string): Enforcement => ({ enforced: false, why })
const yes = (by: string): Enforcement => ({ enforced: true, by })

it('says once what holds for several limits', () => {
  const none = no('it sets none')
  const limits = { cpu: none, memory: none, pids: none }
  const support = { ...limits, sandbox: yes('bubblewrap'), user: no('the daemon is not root') }
  expect(supportLine('process', support)).toBe(
    'process: cpu, memory, pids not limited (it sets none), sandbox by bubblewrap, users none (the daemon is not root), network not counted',
  )
})

it('tells apart what holds for one limit only', () => {
  const cpu = no('no controller "cpu"')
  const limits = { cpu, memory: yes('cgroup v2'), pids: yes('cgroup v2') }
  const network = yes('nftables')
  const support = { ...limits, sandbox: no('no bwrap'), user: yes('setpriv'), network }
  expect(supportLine('cgroups', support)).toBe(
    'cgroups: cpu not limited (no controller "cpu"), memory, pids limited by cgroup v2, sandbox none (no bwrap), users by setpriv, network counted by nftables',
  )
  expect(supportLine('x', { ...support, network: no('no nft') })).toMatch(
    /network not counted \(no nft\)$/,
  )
})
