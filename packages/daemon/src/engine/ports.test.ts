import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { newInstanceRecord } from '@p2p-playground/core'
import type { InstanceRecord } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { PortBook, isSocketShortage, portVariables } from './ports.js'

const forever = new AbortController().signal

type Ports = Readonly<Record<string, number>>

const record = (version: string, patch: Partial<InstanceRecord> = {}): InstanceRecord => ({
  ...newInstanceRecord({ app: 'web', version }, 'd'),
  ...patch,
})
const HANDLE = { runtime: 'fake', pid: 1, startTicks: 1, bootId: 'b', data: {} }

async function choose(
  wanted: Ports,
  before: Ports = {},
  others: readonly InstanceRecord[] = [],
): Promise<Ports> {
  const book = new PortBook(() => others)
  const chosen = await book.choose(record('1.0.0', { ports: before }), wanted, forever)
  chosen.done()
  return chosen.ports
}

describe('PortBook', () => {
  it('keeps a fixed number and finds free ones for 0, each another', async () => {
    const ports = await choose({ fixed: 5, a: 0, b: 0 })
    expect(ports['fixed']).toBe(5)
    expect(ports['a']).toBeGreaterThan(1023)
    expect(ports['b']).not.toBe(ports['a'])
  })

  it('keeps the number of the last run while it is free', async () => {
    const first = await choose({ a: 0 })
    expect(await choose({ a: 0 }, first)).toEqual(first)
  })

  it('takes another when the number of the last run is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const { port } = server.address() as AddressInfo
    expect((await choose({ a: 0 }, { a: port }))['a']).not.toBe(port)
    await new Promise((resolve) => server.close(resolve))
  })

  it('takes another when the number of the last run is that of another instance', async () => {
    const first = await choose({ a: 0 })
    const other = record('2.0.0', { ports: first })
    expect((await choose({ a: 0 }, first, [other]))['a']).not.toBe(first['a'])
  })

  it('gives no number twice to instances that start at once', async () => {
    const book = new PortBook(() => [])
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        book.choose(record(`1.0.${String(index)}`), { a: 0, b: 0 }, forever),
      ),
    )
    const numbers = all.flatMap(({ ports }) => Object.values(ports))
    expect(new Set(numbers).size).toBe(40)
  })

  it.each([
    ['for a first number', {}],
    ['in place of the number of the last run', { a: 5000 }],
  ])('says that no socket can be opened, instead of looking on, %s', async (_, ports) => {
    const full = Object.assign(new Error('listen EMFILE'), { code: 'EMFILE' })
    const book = new PortBook(
      () => [],
      async () => Promise.reject(full),
    )
    const error: unknown = await book
      .choose(record('1.0.0', { ports }), { a: 0 }, forever)
      .catch((reason: unknown) => reason)
    expect(error).toBe(full)
    expect(isSocketShortage(error)).toBe(true)
  })

  it('looks no longer than it is to', async () => {
    const stop = new AbortController()
    const taken = record('2.0.0', { ports: { x: 5000 } })
    let looks = 0
    const book = new PortBook(
      () => [taken],
      async () => {
        looks += 1
        if (looks === 3) stop.abort(new Error('the engine ends'))
        return Promise.resolve(5000)
      },
    )
    await expect(book.choose(record('1.0.0'), { a: 0 }, stop.signal)).rejects.toThrow(
      'the engine ends',
    )
    expect(looks).toBe(3)
  })

  it('refuses a fixed number that another instance has while it runs', async () => {
    const other = record('2.0.0', { ports: { x: 5 }, handle: HANDLE })
    await expect(choose({ a: 5 }, {}, [other])).rejects.toMatchObject({
      code: 'APP_PORT',
      message: 'port 5 ("a") of web@1.0.0 is used by web@2.0.0',
    })
    expect(await choose({ a: 5 }, {}, [{ ...other, handle: null }])).toEqual({ a: 5 })
  })
})

describe('portVariables', () => {
  it('names each port, and PORT when there is only one', () => {
    expect(portVariables({})).toEqual({})
    expect(portVariables({ web: 1 })).toEqual({ PORT: '1', PORT_WEB: '1' })
    expect(portVariables({ web: 1, 'admin-ui': 2 })).toEqual({ PORT_WEB: '1', PORT_ADMIN_UI: '2' })
  })
})
