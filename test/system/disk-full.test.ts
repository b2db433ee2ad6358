import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSigningKey, packDirectory } from '@p2p-playground/core/bundle'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cliOk } from '../harness/command.js'
import { Machines, edit, writeApp } from '../harness/machines.js'
import { NodeUnderTest, programsOf } from '../harness/node-under-test.js'
import { kill, until } from '../harness/processes.js'

/** A node whose disk is small, and then full. */
const machines = new Machines()
const machine = machines.machine('node-1')
const node = new NodeUnderTest(machine)
const MB = 1024 * 1024
const DISK_BYTES = 48 * MB
const DEPLOYS = 50

/** What `mount` has against it; undefined when it is there. */
function mount(dir: string): string | undefined {
  const size = `size=${String(DISK_BYTES)}`
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'p2pp-test', dir], {
    encoding: 'utf8',
  })
  return status === 0 ? undefined : stderr.trim()
}

/** Tries it, and leaves nothing mounted: no hook runs for tests that are left out. */
function whyNoMount(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'p2p-playground-test-'))
  const trouble = mount(dir)
  if (trouble === undefined) spawnSync('umount', [dir])
  rmdirSync(dir)
  return trouble === undefined ? undefined : `no file system of its own can be mounted: ${trouble}`
}

const whyNot = whyNoMount()
if (whyNot !== undefined) process.stdout.write(`disk-full.test: left out, ${whyNot}\n`)

afterAll(async () => {
  await node.close()
  if (node.pid > 0) kill(node.pid)
  await machines.remove().catch(() => undefined)
  spawnSync('umount', ['-l', machine.home])
  rmSync(machines.base, { recursive: true, force: true })
})

async function pack(version: string): Promise<string> {
  const key = await loadSigningKey(join(machine.home, 'signing.key'))
  const dir = writeApp(machines.base, {
    name: 'big',
    version,
    script: 'exec sleep 100000',
    files: { payload: randomBytes(2 * MB) },
  })
  const outPath = machines.path(`big-${version}.p2p`)
  await packDirectory({ dir, outPath, key })
  rmSync(dir, { recursive: true })
  return outPath
}

async function deploy(packagePath: string): Promise<string | undefined> {
  const control = await node.control()
  const target = {
    target: {},
    wait: true,
    timeoutMs: 10_000,
    allowDowngrade: false,
    localCopy: false,
  }
  for await (const { failure } of control.deploy(
    { packagePath, ...target },
    AbortSignal.timeout(15_000),
  ))
    if (failure !== null) return `${failure.code}: ${failure.message}`
  return undefined
}

describe.skipIf(whyNot !== undefined)('a node whose disk is full', () => {
  let steady = 0

  beforeAll(async () => {
    mkdirSync(machine.home)
    expect(mount(machine.home)).toBeUndefined()
    await node.init()
    edit(machine, 'daemon.yaml', (text) => `${text}\nruntime: { keep_versions: 100 }\n`)
    await node.start()
    const dir = writeApp(machines.base, {
      name: 'steady',
      script: 'exec sleep 100000',
      manifest: 'restart: { policy: always, delay: 0s }\n',
    })
    await cliOk(machine, 'deploy', dir)
    steady = programsOf(machine, 'steady')[0]?.pid ?? 0
  })

  test('refuses what does not fit and says which disk; what runs goes on', async () => {
    const refusals: string[] = []
    let taken = 0
    for (let count = 1; count <= DEPLOYS; count += 1) {
      const path = await pack(`1.${String(count)}.0`)
      const refusal = await deploy(path)
      rmSync(path)
      if (refusal === undefined) taken += 1
      else refusals.push(refusal)
    }
    expect(taken).toBeGreaterThan(3)
    expect(refusals.length).toBeGreaterThan(DEPLOYS / 2)
    for (const refusal of refusals) {
      expect(refusal).toMatch(/^(TRANSFER_DISK|STATE_DISK): /)
      expect(refusal).toContain(machine.home)
    }
    expect(programsOf(machine, 'steady')).toEqual([{ pid: steady, version: '1.0.0' }])
    const rows = await node.apps()
    expect(rows.filter(({ app }) => app === 'big')).toHaveLength(taken)
    expect(rows.find(({ app }) => app === 'steady')).toMatchObject({
      state: 'running',
      pid: steady,
    })
    expect(node.left('stage')).toEqual([])
  })

  test('without a byte left answers, and catches up once there is room', async () => {
    const filler = join(machine.home, 'filler')
    const { bavail, bsize } = statfsSync(machine.home)
    writeFileSync(filler, Buffer.alloc(Math.max(bavail * bsize - 4096, 0)))
    expect(() => {
      writeFileSync(join(machine.home, 'more'), Buffer.alloc(MB))
    }).toThrow(/ENOSPC/)
    kill(steady)
    await until('it has ended', () =>
      programsOf(machine, 'steady').every(({ pid }) => pid !== steady),
    )
    expect((await node.apps()).map(({ app }) => app)).toContain('steady')
    rmSync(filler)
    rmSync(join(machine.home, 'more'), { force: true })
    await until('it runs again', () => programsOf(machine, 'steady').length === 1)
    await until('the node knows', async () => {
      const row = (await node.apps()).find(({ app }) => app === 'steady')
      return row?.state === 'running' && row.pid === programsOf(machine, 'steady')[0]?.pid
    })
  })

  test('reads its state again after a crash, and takes packages once there is room', async () => {
    await node.kill()
    await node.start()
    const control = await node.control()
    const remove = { action: 'remove', app: 'big', target: {} } as const
    expect((await control.changeApp(remove, AbortSignal.timeout(30_000))).failures).toEqual([])
    expect(await deploy(await pack('2.0.0'))).toBeUndefined()
    expect(programsOf(machine, 'steady')).toHaveLength(1)
  })
})
