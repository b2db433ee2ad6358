import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { parseCpuMs, parseInterfaces, readNodeCounters, trafficBetween } from './node-counters.js'

const STAT = `cpu  100 20 30 4000 500 6 7 8 90 10
cpu0 100 20 30 4000 500 6 7 8 90 10
intr 12345 0 0
`

const NET = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 8246186   52317    0    0    0     0          0         0  8246186   52317    0    0    0     0       0          0
  eth0: 119873862   81214    0    0    0     0          0         0  3271045   31530    0    0    0     0       0          0
wlan0:12 1 0 0 0 0 0 0 34 1 0 0 0 0 0 0
`

it('counts as busy what is neither idle nor waiting for a disk, guests once', () => {
  expect(parseCpuMs(STAT)).toBe((100 + 20 + 30 + 6 + 7 + 8) * 10)
})

it('reads what each interface moved, without the loopback', () => {
  expect([...parseInterfaces(NET)]).toEqual([
    ['eth0', { inBytes: 119_873_862, outBytes: 3_271_045 }],
    ['wlan0', { inBytes: 12, outBytes: 34 }],
  ])
})

it.each([
  ['grown', { eth0: [5, 6] }, { eth0: [15, 8] }, [10, 2]],
  ['two interfaces', { a: [0, 0], b: [1, 1] }, { a: [1, 2], b: [3, 4] }, [3, 5]],
  ['one that counts anew', { eth0: [500, 500] }, { eth0: [1, 1] }, [0, 0]],
  ['one that came', {}, { eth0: [500, 500] }, [0, 0]],
  ['one that went', { eth0: [500, 500] }, {}, [0, 0]],
])('the traffic between two looks: %s', (_what, before, after, expected) => {
  const map = (from: object): Parameters<typeof trafficBetween>[0] =>
    new Map(
      Object.entries(from as Record<string, number[]>).map(
        ([name, [inBytes = 0, outBytes = 0]]) => [name, { inBytes, outBytes }],
      ),
    )
  const { inBytes, outBytes } = trafficBetween(map(before), map(after))
  expect([inBytes, outBytes]).toEqual(expected)
})

it('finds all of it on this machine', async () => {
  const counters = await readNodeCounters(tmpdir())
  expect(counters.cpuMs).toBeGreaterThan(0)
  expect(counters.memoryBytes).toBeGreaterThan(1e6)
  expect(counters.diskBytes).toBeGreaterThan(0)
  expect(counters.interfaces.has('lo')).toBe(false)
})
