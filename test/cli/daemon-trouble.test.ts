import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cliOk } from '../harness/command.js'
import { LOOPBACK, Machines, startDaemon } from '../harness/machines.js'
import { isAlive, kill, until } from '../harness/processes.js'
import { runCli } from './run-cli.js'

/** Daemons that do not do as they are told. */
const machines = new Machines()
const one = machines.machine('one')

beforeAll(async () => {
  await cliOk(one, 'init', ...LOOPBACK)
})
afterAll(async () => {
  await machines.remove()
})

/** The command is kept from looking after the daemon until long after its end. */
const DIES_WHILE_THE_DISK_IS_SLOW = `
if (/daemon\\.mjs$/.test(process.argv[1])) throw new TypeError('no luck today')
const files = require('node:fs/promises')
const { open } = files
files.open = async (path, ...rest) => {
  const handle = await open(path, ...rest)
  const close = handle.close.bind(handle)
  if (/daemon\\.err$/.test(path))
    handle.close = () => new Promise((done) => setTimeout(() => done(close()), 1000))
  return handle
}
require('node:module').syncBuiltinESMExports()
`

test('one that dies without a word is NODE_DAEMON_START, with what is left of it', async () => {
  const preload = join(machines.base, 'die.cjs')
  writeFileSync(preload, DIES_WHILE_THE_DISK_IS_SLOW)
  const { status, stderr } = await runCli(['daemon', 'start'], {
    home: one.home,
    env: { NODE_OPTIONS: `--require ${preload}` },
  })
  expect(stderr).toMatch(/^Error NODE_DAEMON_START: .*: TypeError: no luck today\n/)
  expect(stderr).toContain(join(one.home, 'run', 'daemon.err'))
  expect(status).toBe(1)
})

test('one that does not end is NODE_DAEMON_STOPPED, with its pid', async () => {
  const { pid } = await startDaemon(one)
  kill(pid, 'SIGSTOP')
  try {
    const result = await runCli(['daemon', 'stop', '--timeout', '300ms'], { home: one.home })
    expect(result.stderr).toMatch(/^Error NODE_DAEMON_STOPPED: /)
    expect(result.stderr).toContain(String(pid))
    expect(result.status).toBe(1)
  } finally {
    kill(pid, 'SIGCONT')
  }
  await until('it ends after all', () => !isAlive(pid))
})

test('a port that another program has is said in one line, with what to do', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const server = createServer().listen(0, '127.0.0.1', () => {
    resolve(undefined)
  })
  await promise
  try {
    const { port } = server.address() as AddressInfo
    const address = `/ip4/127.0.0.1/tcp/${String(port)}`
    const config = join(machines.base, 'taken.yaml')
    writeFileSync(config, `p2p: { listen_addresses: [${address}], enable_mdns: false }\n`)
    const { status, stderr } = await runCli(['daemon', 'start', '--config', config], {
      home: one.home,
    })
    expect(stderr).toBe(
      `Error NODE_DAEMON_START: cannot listen on ${address}: port ${String(port)} is in use\n` +
        'See who has it with "ss -ltnp", or change p2p.listen_addresses.\n',
    )
    expect(status).toBe(1)
  } finally {
    server.close()
  }
})
