/*
 * Any log sink under load: an app writes numbered lines while its node's daemon is killed again and again and the far side is
 * away for a while; then nothing may be missing on the far side, nor left twice once repeats are dropped.
 *
 *   const report = await shipThrough({ machines, sink: 'loki', plugins: [{ use: '@p2p-playground/logs-loki', config }], stored,
 *     outage: { begin, end } })
 *   expect(report).toMatchObject({ missing: [], twice: [], altered: [] })
 *
 * A plugin package that the daemon does not find by itself is put into the home by `linkPlugin` first. Sizes come from SHIP_LINES,
 * SHIP_KILLS and SHIP_OUTAGE_MS; the full size is 1000000, 20 and 60000.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LogSinkStatus } from '@p2p-playground/core'
import { cliOk } from './command.js'
import { edit, writeApp } from './machines.js'
import type { Machine, Machines } from './machines.js'
import { NodeUnderTest } from './node-under-test.js'
import { kill, until } from './processes.js'

export const SHIP_LINES = sizeOf('SHIP_LINES', 20_000)
export const SHIP_KILLS = sizeOf('SHIP_KILLS', 4)
export const SHIP_OUTAGE_MS = sizeOf('SHIP_OUTAGE_MS', 2000)

const APP = 'writer'
/** In a line that a strict far side is to refuse. */
export const POISON = 'poison'
/** About that long the daemon lives between two kills. */
const LIFE_MS = 600
/** A far side may be slow, and the machine busy. */
const SHIPPED_LIMIT_MS = 60_000 + SHIP_LINES

/** What a far side must give back of a line. */
export interface StoredLine {
  readonly node: string
  readonly app: string
  readonly instance: string
  readonly stream: string
  readonly seq: number
  readonly line: string
}

export interface ShippingSetup {
  readonly machines: Machines
  /** Name in `logging.sinks`. */
  readonly sink: string
  /** As `plugins` of daemon.yaml has them. */
  readonly plugins: readonly { readonly use: string; readonly config?: object }[]
  /** Everything of kind `app` on the far side, repeats too, in any order. Lines of other apps are passed over. */
  readonly stored: () => AsyncIterable<StoredLine> | Iterable<StoredLine>
  /** Takes the far side away in the middle, and brings it back after SHIP_OUTAGE_MS. */
  readonly outage?: { readonly begin: () => Promise<void>; readonly end: () => Promise<void> }
  /** Every line whose number this divides says POISON. */
  readonly poisonEvery?: number
}

export interface ShippingReport {
  /** How many lines the app has written: SHIP_LINES, in bursts of one size. */
  readonly written: number
  /** Numbers that are not on the far side. */
  readonly missing: readonly number[]
  /** Numbers that are there twice under different names. */
  readonly twice: readonly number[]
  /** Lines that are not as they were written, or two lines under one name. */
  readonly altered: readonly string[]
  /** Lines that came again and were dropped by their name. */
  readonly repeats: number
  /** What the node says of the sink at the end. */
  readonly status: LogSinkStatus
  /** How long the app took for each burst, milliseconds. */
  readonly burstsMs: readonly number[]
  /** From the first line written until all was there, kills and outage included. */
  readonly tookMs: number
}

/** Runs the whole of it on a new machine. */
export async function shipThrough(setup: ShippingSetup): Promise<ShippingReport> {
  const writer = await startWriter(setup)
  const { node } = writer
  try {
    const begunMs = performance.now()
    const outageAt = Math.floor(SHIP_KILLS / 3)
    let outage = Promise.resolve()
    for (let round = 0; round < Math.max(1, SHIP_KILLS); round += 1) {
      writer.burst()
      if (round === outageAt) outage = takeAway(setup)
      if (SHIP_KILLS === 0) continue
      // At any moment of reading, writing and noting.
      await delay(Math.random() * 2 * LIFE_MS)
      await node.kill()
      await node.start()
    }
    await outage
    await writer.finished()
    const status = await shipped(writer.node, setup.sink)
    const tookMs = performance.now() - begunMs
    return { ...(await compare(setup)), status, burstsMs: writer.burstsMs(), tookMs }
  } finally {
    await node.close()
  }
}

/** An app that writes a part of SHIP_LINES each time it is told to, on a node of its own that ships to the sink. */
export interface Writer {
  readonly node: NodeUnderTest
  burst(): void
  /** Resolves when the app has written all the bursts that it was told to, and the daemon has stored them. */
  finished(): Promise<void>
  /** Of those that are over. */
  burstsMs(): number[]
}

export async function startWriter(
  setup: Pick<ShippingSetup, 'machines' | 'sink' | 'plugins' | 'poisonEvery'>,
): Promise<Writer> {
  const { machines } = setup
  const machine = machines.machine('shipping')
  const node = new NodeUnderTest(machine)
  await node.init()
  const { sink, plugins } = setup
  edit(machine, 'daemon.yaml', (text) => {
    return `${text}logging: ${JSON.stringify({ sinks: [sink] })}\nplugins: ${JSON.stringify(plugins)}\n`
  })
  await node.start()
  const times = machines.path('bursts')
  writeFileSync(times, '')
  const lines = Math.ceil(SHIP_LINES / Math.max(1, SHIP_KILLS))
  const script = writerScript(lines, setup.poisonEvery ?? 0, times)
  await cliOk(machine, 'deploy', writeApp(machines.base, { name: APP, script }))
  const pid = (await node.apps()).find(({ app }) => app === APP)?.pid ?? 0
  await until('the app listens', async () => (await newest(machine))?.line === 'ready')
  let bursts = 0
  const burstsMs = (): number[] =>
    readFileSync(times, 'utf8').split('\n').filter(Boolean).map(Number)
  return {
    node,
    burstsMs,
    burst: () => {
      bursts += 1
      kill(pid, 'SIGUSR1')
    },
    finished: async () => {
      await until('the app has written all', () => burstsMs().length === bursts)
      const isStored = async (): Promise<boolean> =>
        (await newest(machine))?.seq === bursts * lines + 1
      await until('the daemon has stored all', isStored)
    },
  }
}

/** What is worth a line in the output of a test. */
export function shippingFigures({ written, repeats, status, tookMs }: ShippingReport): string {
  const { shippedLines, retries, deadLines, lostLines } = status
  return (
    `${String(written)} lines written, ${String(shippedLines)} shipped with those of the node itself in ` +
    `${(tookMs / 1000).toFixed(1)} s over ${String(SHIP_KILLS)} kills and ${String(SHIP_OUTAGE_MS / 1000)} s of outage; ` +
    `${String(retries)} retries, ${String(deadLines)} refused, ${String(lostLines)} lost, ${String(repeats)} repeats dropped\n`
  )
}

/** Puts a plugin package into a home, where the daemon looks for what was installed. */
export function linkPlugin(machine: Machine, name: string, dir: string): void {
  const path = join(machine.home, 'plugins', 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(dir, path)
}

/** A burst for each SIGUSR1, one at a time; a line for each burst, milliseconds, in the file `times`. */
function writerScript(lines: number, poisonEvery: number, times: string): string {
  const text = `"line " i (${String(poisonEvery)} && i % ${String(poisonEvery || 1)} == 0 ? " ${POISON} " : " ") pad " end"`
  return `
pad=$(printf '%060d' 0)
from=0
wanted=0
trap 'wanted=$((wanted + ${String(lines)}))' USR1
echo ready
while :; do
  while [ $from -lt $wanted ]; do
    begun=$(date +%s%N)
    awk -v from=$from -v pad=$pad 'BEGIN {
      for (i = from + 1; i <= from + ${String(lines)}; i++)
        if (i % 4 == 0) print ${text} | "cat 1>&2"; else print ${text}
    }'
    from=$((from + ${String(lines)}))
    echo $((($(date +%s%N) - begun) / 1000000)) >> '${times}'
  done
  sleep 0.02
done`
}

async function takeAway({ outage }: ShippingSetup): Promise<void> {
  if (outage === undefined) return
  await outage.begin()
  await delay(SHIP_OUTAGE_MS)
  await outage.end()
}

/** Resolves with what the node says of the sink once nothing waits any more. */
export async function shipped(node: NodeUnderTest, sink: string): Promise<LogSinkStatus> {
  let status: LogSinkStatus | undefined
  const isShipped = async (): Promise<boolean> => {
    status = await sinkStatus(node, sink)
    return status.lagLines === 0
  }
  await until(`all is shipped to ${sink}`, isShipped, SHIPPED_LIMIT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(status)}`)
  })
  if (status === undefined) throw new Error('never asked')
  return status
}

export async function sinkStatus(node: NodeUnderTest, sink: string): Promise<LogSinkStatus> {
  const control = await node.control()
  const info = await control.nodeInfo(node.machine.name, AbortSignal.timeout(10_000))
  const status = info.logSinks.find(({ name }) => name === sink)
  if (status === undefined) throw new Error(`the node knows no sink ${sink}`)
  return status
}

async function newest(
  machine: Machine,
): Promise<{ readonly line: string; readonly seq: number } | undefined> {
  const text = await cliOk(machine, 'logs', APP, '--tail', '1', '--json')
  return text === '' ? undefined : (JSON.parse(text) as { line: string; seq: number })
}

/** What is on the far side against what was written. */
async function compare({
  stored,
}: ShippingSetup): Promise<
  Pick<ShippingReport, 'written' | 'missing' | 'twice' | 'altered' | 'repeats'>
> {
  const bursts = Math.max(1, SHIP_KILLS)
  const lines = Math.ceil(SHIP_LINES / bursts) * bursts
  const seen = new Uint8Array(lines + 1)
  const named = new Map<string, Map<number, number>>()
  const altered: string[] = []
  let repeats = 0
  for await (const { node, app, instance, stream, seq, line } of stored()) {
    if (app !== APP || line === 'ready') continue
    const match = new RegExp(`^line (\\d+) (?:${POISON} )?0{60} end$`).exec(line)
    const number = Number(match?.[1] ?? 0)
    if (number === 0 || number > lines || (stream === 'stderr') !== (number % 4 === 0)) {
      altered.push(line)
      continue
    }
    const source = `${node} ${instance} ${stream}`
    const names = named.get(source) ?? new Map<number, number>()
    named.set(source, names)
    const before = names.get(seq)
    if (before !== undefined) {
      repeats += 1
      if (before !== number) altered.push(line)
      continue
    }
    names.set(seq, number)
    seen[number] = Math.min((seen[number] ?? 0) + 1, 2)
  }
  const numbersWith = (count: number): number[] =>
    Array.from({ length: lines }, (_, index) => index + 1).filter((one) => seen[one] === count)
  return { written: lines, missing: numbersWith(0), twice: numbersWith(2), altered, repeats }
}

function sizeOf(variable: string, fallback: number): number {
  const value = Number(process.env[variable] ?? fallback)
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${variable} must be a count`)
  return value
}
