import type { InstanceRecord, RunLimits, RuntimeSupport, SandboxMode } from '@p2p-playground/core'
import { parseManifest } from '@p2p-playground/core/manifest'
import { expect, it } from 'vitest'
import { describeLimits } from './limits.js'

const yes = { enforced: true, by: 'cgroup v2' } as const
const no = { enforced: false, why: 'this is a test' } as const
const all: RuntimeSupport = { cpu: yes, memory: yes, pids: yes, sandbox: yes, user: yes }
const none: RuntimeSupport = { cpu: no, memory: no, pids: no, sandbox: no, user: no }
const noCpu = { ...all, cpu: { enforced: false, why: 'no cpu controller' } } as const
const record = { presence: 'present' } as InstanceRecord

function told(
  resources: string,
  support: RuntimeSupport,
  node: { readonly defaultLimits?: RunLimits; readonly sandbox?: SandboxMode } = {},
): string {
  const text = `name: app\nversion: 1.0.0\nentrypoint: run\n${resources}`
  const launcher = {
    manifestOf: () => parseManifest(text, 'manifest.yaml'),
    runtimeNameOf: () => 'test',
  }
  const machine = { cpus: 2, memoryTotalBytes: 8 * 1024 ** 3 }
  const wishes = { defaultLimits: {}, sandbox: 'off' as const, machine, ...node }
  return describeLimits(launcher, new Map([['test', support]]), wishes)(record)
}

const MEMORY = 'resources: { memory_limit: 64Mi }\n'
const ALL = 'resources: { memory_limit: 64Mi, cpu_limit: "0.5", pids_limit: 10 }\n'

it.each<[string, string, string]>([
  ['nothing is asked for', told('', none), ''],
  ['what is asked for is kept', told(ALL, all, { sandbox: 'auto' }), ''],
  ['a limit is not kept', told(MEMORY, none), 'limits not enforced: this is a test'],
  ['several are not kept', told(ALL, none), 'limits not enforced: this is a test'],
  ['one of several is not kept', told(ALL, noCpu), 'limits not enforced: no cpu controller'],
  ['what is not kept is not asked for', told(MEMORY, noCpu), ''],
  [
    'daemon.yaml asks for it',
    told('', none, { defaultLimits: { pids: 512 } }),
    'limits not enforced: this is a test',
  ],
  [
    'more is asked for than the machine has',
    told('resources: { memory_limit: 900Gi, cpu_limit: "64" }\n', all),
    'limits beyond this machine: 64 cores (it has 2), 900.0 GiB of memory (it has 8.0 GiB)',
  ],
  [
    'daemon.yaml asks for more than the machine has',
    told('', all, { defaultLimits: { memoryBytes: 9 * 1024 ** 3, cpuCores: 2 } }),
    'limits beyond this machine: 9.0 GiB of memory (it has 8.0 GiB)',
  ],
  [
    'a limit beyond the machine is not kept',
    told('resources: { cpu_limit: "64" }\n', noCpu),
    'limits not enforced: no cpu controller',
  ],
  [
    'a sandbox is wanted and not to be had',
    told('', none, { sandbox: 'auto' }),
    'no sandbox: this is a test',
  ],
  [
    'neither is to be had',
    told(MEMORY, none, { sandbox: 'auto' }),
    'limits not enforced: this is a test; no sandbox: this is a test',
  ],
])('when %s', (_name, text, expected) => {
  expect(text).toBe(expected)
})
