import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { ResourceUsage, RunHandle } from '@p2p-playground/core'
import { processesWith, waitFor } from '@p2p-playground/testkit'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CgroupsFixture, cgroupsOf, whyNoLimits } from './cgroups-fixture.test.support.js'
import { CgroupsRuntime } from './cgroups-runtime.js'

const forever = new AbortController().signal
const MIB = 1024 ** 2
const why = await whyNoLimits()
const { sandbox, network } = await new CgroupsRuntime({
  dataDir: '/test',
  clock: systemClock,
}).support()
if (why !== undefined) process.stderr.write(`cgroup limits are not tested here: ${why}\n`)

if (network?.enforced === false)
  process.stderr.write(`traffic is not counted here: ${network.why}\n`)

function trafficOf(usage: ResourceUsage): object {
  return { received: usage.networkReceivedBytes, sent: usage.networkSentBytes }
}

afterAll(async () => {
  await new CgroupsRuntime({ dataDir: '/test', clock: systemClock }).close()
})

describe.skipIf(why !== undefined)('CgroupsRuntime', () => {
  let fixture: CgroupsFixture

  beforeEach(() => {
    fixture = new CgroupsFixture()
  })

  afterEach(async () => {
    await fixture.close()
  })

  const isGone = (handle: RunHandle): boolean => !cgroupsOf(handle).some((dir) => existsSync(dir))

  it('holds all processes of a program together to a share of a core', async () => {
    const burn = 'while :; do :; done'
    const handle = await fixture.start(`(${burn}) & ${burn}`, { cpuCores: 0.25 })
    const { cpuMs: before } = await fixture.runtime.usage(handle)
    const begun = performance.now()
    const used = await waitFor(
      'half a second of CPU time',
      async () => {
        const { cpuMs } = await fixture.runtime.usage(handle)
        return cpuMs - before >= 500 && cpuMs - before
      },
      20_000,
    )
    const share = used / (performance.now() - begun)
    expect(share).toBeGreaterThan(0.1)
    expect(share).toBeLessThan(0.33)
  })

  it('ends a program that takes more memory than its limit, and says so', async () => {
    const body = 'exec dd if=/dev/zero of=/dev/null bs=200000000 count=1'
    const handle = await fixture.start(body, { memoryBytes: 64 * MIB })
    const end = { kind: 'oom', limitBytes: 64 * MIB }
    expect(await fixture.runtime.wait(handle, forever)).toEqual(end)
    expect(await fixture.runtime.stop(handle, 0)).toEqual(end)
    expect(isGone(handle)).toBe(true)
  })

  it('says which limit the kernel does not take, and leaves no cgroup of that run', async () => {
    const before = await fixture.start('exec sleep 1000', { pids: 10 })
    const cgroupsOfRuns = (): string[] =>
      cgroupsOf(before).flatMap((dir) =>
        readdirSync(join(dir, '..')).filter((name) => name.startsWith('app@')),
      )
    const there = cgroupsOfRuns()
    // More than PID_MAX_LIMIT of Linux.
    await expect(fixture.start('exit 0', { pids: 10_000_000 })).rejects.toMatchObject({
      code: 'RUNTIME_SPAWN',
      message: 'the limits of app@1.0.0 cannot be set: pids.max does not take 10000000 (EINVAL)',
    })
    expect(cgroupsOfRuns()).toEqual(there)
  })

  it('names it in the next daemon too, though its cgroup was swept', async () => {
    const body = 'exec dd if=/dev/zero of=/dev/null bs=200000000 count=1'
    const handle = await fixture.start(body, { memoryBytes: 64 * MIB })
    await waitFor('the record', () => fixture.read('run-0/exit').includes('end'))
    const next = fixture.nextRuntime()
    await next.open()
    expect(isGone(handle)).toBe(true)
    expect(await next.wait(handle, forever)).toMatchObject({ kind: 'oom' })
  })

  it('lets a program of the same size run within a larger limit', async () => {
    const body = 'exec dd if=/dev/zero of=/dev/null bs=20000000 count=1'
    const handle = await fixture.start(body, { memoryBytes: 64 * MIB })
    expect(await fixture.runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 0 })
  })

  it('stops a fork bomb at the limit of processes', async () => {
    const mark = `96${String(process.pid)}`
    const bomb = `bomb() { sleep ${mark} & bomb; }; bomb`
    const handle = await fixture.start(`sh -c '${bomb}' & exec sleep ${mark}`, { pids: 20 })
    await waitFor('a refused fork', () => /fork/i.test(fixture.read('stderr')))
    const { processes } = await fixture.runtime.usage(handle)
    expect(processes).toBeGreaterThan(10)
    expect(processes).toBeLessThanOrEqual(20)
    await fixture.runtime.stop(handle, 100)
    expect(processesWith(mark)).toEqual([])
  })

  it('leaves nothing of a program that forks twice, begins sessions and forgets its environment', async () => {
    const mark = `95${String(process.pid)}`
    const handle = await fixture.start(
      `(setsid env -i /usr/bin/setsid /bin/sleep ${mark} &); exec sleep ${mark}`,
      {},
    )
    await waitFor('the grandchild', () => processesWith(`sleep ${mark}`).length >= 2)
    await fixture.runtime.stop(handle, 1000)
    expect(processesWith(mark)).toEqual([])
    expect(isGone(handle)).toBe(true)
  })

  it('ends what a program leaves behind when it ends by itself', async () => {
    const mark = `94${String(process.pid)}`
    const handle = await fixture.start(`setsid sleep ${mark} & exit 3`, {})
    expect(await fixture.runtime.wait(handle, forever)).toEqual({ kind: 'exited', code: 3 })
    expect(processesWith(mark)).toEqual([])
    expect(isGone(handle)).toBe(true)
  })

  it('puts the program into its cgroup before it begins, and the wrapper outside', async () => {
    const handle = await fixture.start('cat /proc/self/cgroup; exec sleep 1000', {
      memoryBytes: 64 * MIB,
    })
    await waitFor('its cgroups', () => fixture.read('stdout').includes('app@1.0.0'))
    // `cat` has written, and may not have ended yet.
    const { memoryBytes } = await waitFor('the program alone', async () => {
      const usage = await fixture.runtime.usage(handle)
      return usage.processes === 1 && usage
    })
    expect(memoryBytes).toBeGreaterThan(10_000)
    expect(memoryBytes).toBeLessThan(64 * MIB)
  })

  it('is stopped by the next daemon, which spares what runs when it opens', async () => {
    const handle = await fixture.start('exec sleep 1000', { pids: 5 })
    const next = fixture.nextRuntime()
    await next.open()
    const stored = JSON.parse(JSON.stringify(handle)) as RunHandle
    expect(await next.adopt(stored)).toBe(true)
    expect(await next.stop(stored, 5000)).toEqual({ kind: 'signaled', signal: 'SIGTERM' })
    expect(isGone(handle)).toBe(true)
  })

  it('kills what ignores SIGTERM', async () => {
    const handle = await fixture.start('trap "" TERM; echo ready; while :; do sleep 0.05; done', {})
    await waitFor('the trap', () => fixture.read('stdout') === 'ready\n')
    expect(await fixture.runtime.stop(handle, 100)).toEqual({ kind: 'signaled', signal: 'SIGKILL' })
  })

  it('knows no usage of what is gone', async () => {
    const handle = await fixture.start('exec sleep 1000', {})
    await fixture.runtime.stop(handle, 1000)
    const none = { cpuMs: 0, memoryBytes: 0, processes: 0 }
    expect(await fixture.runtime.usage(handle)).toEqual(none)
  })

  describe.skipIf(network?.enforced !== true)('with nftables', () => {
    const SENT_BYTES = 200_000
    /** Sends as much to itself by TCP, then one datagram. */
    const TALK = `
      const payload = Buffer.alloc(${String(SENT_BYTES)})
      const udp = require('node:dgram').createSocket('udp6').bind(0, '::1')
      udp.once('message', () => console.log('told'))
      const net = require('node:net')
      const server = net.createServer((socket) => {
        socket.resume().once('end', () => udp.send(payload.subarray(0, 1000), udp.address().port, '::1'))
      })
      server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').end(payload))`
    const tables = (): string => execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })

    it('counts what a program receives and sends, and goes on in the next daemon', async () => {
      const silent = await fixture.start('exec sleep 1000', {})
      writeFileSync(join(fixture.dir, 'talk.cjs'), TALK)
      const handle = await fixture.start(`exec ${process.execPath} talk.cjs`, {})
      await waitFor('its traffic', () => fixture.read('stdout') === 'told\n')
      const next = fixture.nextRuntime()
      await next.open()
      for (const bytes of Object.values(trafficOf(await next.usage(handle)))) {
        expect(bytes).toBeGreaterThan(SENT_BYTES)
        expect(bytes).toBeLessThan(1.2 * SENT_BYTES)
      }
      expect(trafficOf(await next.usage(silent))).toEqual({ received: 0, sent: 0 })
    })

    it('leaves no table behind', async () => {
      const handle = await fixture.start('exec sleep 1000', {})
      // Others on this machine may have theirs come and go meanwhile.
      const [dir = ''] = cgroupsOf(handle)
      const own = `p2p_playground_${basename(dirname(dir))}`
      expect(tables()).toContain(own)
      await fixture.runtime.stop(handle, 1000)
      await fixture.runtime.close()
      expect(tables()).not.toContain(own)
    })
  })

  describe.skipIf(!sandbox.enforced)('with a sandbox', () => {
    const patch = { sandbox: 'required' } as const

    it('keeps the limit of memory', async () => {
      const body = 'exec dd if=/dev/zero of=/dev/null bs=200000000 count=1'
      const handle = await fixture.start(body, { memoryBytes: 64 * MIB }, patch)
      expect(await fixture.runtime.wait(handle, forever)).toMatchObject({ kind: 'oom' })
      expect(isGone(handle)).toBe(true)
    })

    it('counts only the processes of the program against their limit', async () => {
      const body = 'sleep 1000 & sleep 1000 & exec sleep 1000'
      const handle = await fixture.start(body, { pids: 3 }, patch)
      await waitFor(
        'three processes',
        async () => (await fixture.runtime.usage(handle)).processes === 3,
      )
      expect(fixture.read('stderr')).toBe('')
      expect((await fixture.runtime.stop(handle, 1000)).kind).toBe('signaled')
      expect(isGone(handle)).toBe(true)
    })
  })

  it('says how the program ended after its wrapper and it were killed', async () => {
    const handle = await fixture.start('exec sleep 1000', {})
    execFileSync('kill', ['-9', JSON.stringify(handle.data['wrapperPid']), String(handle.pid)])
    expect((await fixture.runtime.wait(handle, forever)).kind).toBe('unknown')
    expect(isGone(handle)).toBe(true)
  })
})
