import type { Heartbeat, InstanceStatus, NodeInfo } from '@p2p-playground/core'
import { sampleInstance } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import { changesBetween } from './node-changes.js'
import { beatOf } from './testing/beats.js'

const WEB = sampleInstance('web')
const beat = (instances: readonly InstanceStatus[], patch: Partial<NodeInfo> = {}): Heartbeat =>
  beatOf(instances, patch)

it.each<[string, Heartbeat, Heartbeat, readonly string[]]>([
  ['nothing', beat([WEB]), beat([WEB]), []],
  ['usage, load and addresses', beat([WEB]), beat([WEB], { addresses: ['/ip4/1.1.1.1'] }), []],
  ['a new instance', beat([]), beat([WEB]), ['web@1.0.0 is new: running']],
  ['one that is gone', beat([WEB]), beat([]), ['web@1.0.0 is gone']],
  [
    'another state',
    beat([WEB]),
    beat([{ ...WEB, state: 'failed', reason: 'exit 1' }]),
    ['web@1.0.0: running → failed (exit 1)'],
  ],
  ['another process', beat([WEB]), beat([{ ...WEB, pid: 8 }]), ['web@1.0.0 runs anew']],
  [
    'another active version',
    beat([{ ...WEB, active: false }]),
    beat([WEB]),
    ['web@1.0.0 is the active version'],
  ],
  ['labels', beat([]), beat([], { labels: { b: '2', a: '1' } }), ['labels: a=1,b=2']],
  ['no labels', beat([], { labels: { a: '1' } }), beat([]), ['labels: none']],
  [
    'the same labels in another order',
    beat([], { labels: { a: '1', b: '2' } }),
    beat([], { labels: { b: '2', a: '1' } }),
    [],
  ],
  ['a restart', beat([]), beat([], { startedAtMs: 2 }), ['the daemon was started anew']],
  ['an upgrade', beat([]), beat([], { version: '2.0.0' }), ['daemon 1.0.0 → 2.0.0']],
  ['another name', beat([]), beat([], { name: 'n2' }), ['n1 is called n2 now']],
  [
    'several things',
    beat([WEB]),
    beat([{ ...WEB, state: 'stopped', pid: null }, sampleInstance('db')]),
    ['web@1.0.0: running → stopped', 'db@1.0.0 is new: running'],
  ],
])('%s', (_what, before, after, expected) => {
  expect(changesBetween(before, after)).toEqual(expected)
})
