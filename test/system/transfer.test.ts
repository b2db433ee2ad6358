import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { arrivedBytes, packBig } from '../harness/big-package.js'
import { cliJson, cliOk, follow } from '../harness/command.js'
import { Machines, apps, crashDaemon, startDaemon, startFleet } from '../harness/machines.js'
import { kill, until } from '../harness/processes.js'

/** Ten daemons on one machine with a PSK, and packages of 100 MB: 1 GB goes through a test, or is copied. */
const machines = new Machines()
const nodes = Array.from({ length: 10 }, (_, index) =>
  machines.machine(`node-${String(index + 1)}`),
)
const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
const MB = 1024 * 1024
const PAYLOAD = 100 * MB
/** All are on this machine, where such packages are copied otherwise. */
const SEND = ['deploy', '--no-local-copy'] as const

interface Deployed {
  readonly node: string
  readonly phase: string
  readonly totalBytes: number
  readonly reusedBytes: number
  readonly copiedBytes: number
  readonly failure: { readonly code: string } | null
}

beforeAll(async () => {
  await startFleet(nodes)
})

afterAll(async () => {
  await machines.remove()
})

test('1 GB in all arrives whole, over connections that hold', async () => {
  const bundle = await packed('1.0.0')
  const results = await cliJson<Deployed[]>(first, ...SEND, bundle, '--timeout', '5m')
  expect(results.map(({ phase, failure }) => ({ phase, failure }))).toEqual(
    nodes.map(() => ({ phase: 'done', failure: null })),
  )
  expect(results.every(({ reusedBytes, copiedBytes }) => reusedBytes + copiedBytes === 0)).toBe(
    true,
  )
  const wanted = await sha256(bundle)
  for (const node of nodes) {
    const [stored = ''] = readdirSync(join(node.home, 'packages'))
    expect(await sha256(join(node.home, 'packages', stored)), node.name).toBe(wanted)
    expect(logOf(node.home), node.name).not.toMatch(/broken|refused|WARN|ERROR/)
  }
  expect((await apps(first)).every(({ state }) => state === 'running')).toBe(true)
})

test('a deploy that is killed goes on where it was', async () => {
  const bundle = await packed('1.1.0')
  const deploy = follow(first, ...SEND, bundle)
  await until('a part has arrived everywhere', () =>
    nodes.every((node) => arrivedBytes(node.home) > 8 * MB),
  )
  kill(deploy.child.pid ?? 0)
  await deploy.ended
  const held = new Map(nodes.map((node) => [node.name, arrivedBytes(node.home)]))
  const results = await cliJson<Deployed[]>(first, ...SEND, bundle, '--timeout', '5m')
  expect(results.map(({ phase }) => phase)).toEqual(nodes.map(() => 'done'))
  for (const { node, reusedBytes, totalBytes } of results) {
    expect(reusedBytes, node).toBeGreaterThan(4 * MB)
    // Holes in the file count as arrived here, and pieces that were cut in the middle too.
    expect(reusedBytes, node).toBeLessThanOrEqual(Math.max(held.get(node) ?? 0, totalBytes))
  }
})

test('a daemon that is killed in the middle keeps what it has', async () => {
  const bundle = await cutInTheMiddle()
  const [result] = await cliJson<Deployed[]>(first, ...SEND, bundle, '--nodes', second.name)
  expect(result).toMatchObject({ phase: 'done', failure: null })
  expect(result?.reusedBytes).toBeGreaterThan(8 * MB)
})

test('nodes on the machine of whoever deploys copy it, and do as with one that was sent', async () => {
  const bundle = await packed('1.3.0')
  const results = await cliJson<Deployed[]>(first, 'deploy', bundle, '--timeout', '5m')
  const whole = statSync(bundle).size
  expect(
    results.map(({ phase, failure, copiedBytes }) => ({ phase, failure, copiedBytes })),
  ).toEqual(nodes.map(() => ({ phase: 'done', failure: null, copiedBytes: whole })))
  expect(
    (await apps(first)).filter(({ version, state }) => version === '1.3.0' && state === 'running'),
  ).toHaveLength(nodes.length)
  const shown = await cliOk(first, 'deploy', await packed('1.4.0'), '--nodes', first.name)
  expect(shown).toMatch(/node-1 +running .* 100\.0 MiB copied/)
})

/** Kills the daemon of the second node during a transfer: the package. On a busy machine one may be through before it is seen. */
async function cutInTheMiddle(): Promise<string> {
  for (let patch = 0; patch < 5; patch += 1) {
    const bundle = await packed(`1.2.${String(patch)}`)
    const deploy = follow(first, ...SEND, bundle, '--nodes', second.name)
    let isOver = false
    const ended = deploy.ended.finally(() => (isOver = true))
    await until('a part has arrived', () => isOver || arrivedBytes(second.home) > 16 * MB)
    await crashDaemon(second)
    const code = await ended
    const isCut = arrivedBytes(second.home) > 0
    const { addresses } = await startDaemon(second)
    await cliOk(first, 'node', 'add', addresses[0] ?? '')
    if (!isCut) continue
    expect(code).not.toBe(0)
    return bundle
  }
  throw new Error('each transfer was through before it could be cut')
}

async function packed(version: string): Promise<string> {
  return packBig(machines, first, { version, sizeBytes: PAYLOAD })
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

function logOf(home: string): string {
  const dir = join(home, 'logs')
  const files = readdirSync(dir).filter((name) => name.endsWith('.log'))
  return files.map((name) => readFileSync(join(dir, name), 'utf8')).join('')
}
