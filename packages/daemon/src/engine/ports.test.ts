import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { choosePorts, portVariables } from './ports.js'

describe('choosePorts', () => {
  it('keeps a fixed number and finds free ones for 0, each another', async () => {
    const ports = await choosePorts({ fixed: 5, a: 0, b: 0 }, {})
    expect(ports['fixed']).toBe(5)
    expect(ports['a']).toBeGreaterThan(1023)
    expect(ports['b']).not.toBe(ports['a'])
  })

  it('keeps the number of the last run while it is free', async () => {
    const first = await choosePorts({ a: 0 }, {})
    expect(await choosePorts({ a: 0 }, first)).toEqual(first)
  })

  it('takes another when the number of the last run is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const { port } = server.address() as AddressInfo
    const ports = await choosePorts({ a: 0 }, { a: port })
    expect(ports['a']).not.toBe(port)
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('portVariables', () => {
  it('names each port, and PORT when there is only one', () => {
    expect(portVariables({})).toEqual({})
    expect(portVariables({ web: 1 })).toEqual({ PORT: '1', PORT_WEB: '1' })
    expect(portVariables({ web: 1, 'admin-ui': 2 })).toEqual({ PORT_WEB: '1', PORT_ADMIN_UI: '2' })
  })
})
