import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, cliJson, cliOk, follow } from '../harness/command.js'
import { Machines, apps, edit, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import { isAlive, kill, until } from '../harness/processes.js'

const LINES = 100_000
const KILLS = 50
const BURST = LINES / KILLS

/**
 * For each SIGUSR1 it writes a burst, slowly enough that the daemon is killed, is away and comes back meanwhile. Numbered over
 * both streams; long enough that all fill more than 50 segments of 1 MiB.
 */
const WRITER = `
pad=$(printf '%0600d' 0)
number=0
wanted=0
trap 'wanted=$((wanted + ${String(BURST)}))' USR1
echo ready
while :; do
  while [ $number -lt $wanted ]; do
    number=$((number + 1))
    case $((number % 4)) in
      0) echo "line $number $pad end" >&2 ;;
      *) echo "line $number $pad end" ;;
    esac
    [ $((number % 100)) -eq 0 ] && sleep 0.02
  done
  sleep 0.02
done`

interface Line {
  readonly kind: string
  readonly stream: string
  readonly seq: number
  readonly line: string
}

/** Killing daemons and starting them takes most of the time. */
const machines = new Machines()
const node = machines.machine('node-1')
let daemon = 0

beforeAll(async () => {
  const [status] = await startFleet([node])
  daemon = status?.pid ?? 0
  // A follower finds the next daemon where the one before was.
  const port = /\/tcp\/(\d+)/.exec(status?.addresses[0] ?? '')?.[1] ?? ''
  edit(node, 'daemon.yaml', (text) => text.replace('/tcp/0', `/tcp/${port}`))
})

afterAll(async () => {
  await machines.remove()
})

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

/** Neither gap nor repeat in the numbers of the log, and each line that the program wrote once and whole. */
function expectAll(lines: readonly Line[]): void {
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1))
  const written = lines.filter(({ line }) => line !== 'ready')
  const torn = written.filter(({ line }) => !/^line [1-9]\d* 0{600} end$/.test(line))
  expect(torn.slice(0, 3)).toEqual([])
  const numbersOf = (stream: string): number[] =>
    written
      .filter((one) => one.stream === stream)
      .map(({ line }) => Number.parseInt(line.slice('line '.length), 10))
  const all = Array.from({ length: LINES }, (_, index) => index + 1)
  expect(numbersOf('stderr')).toEqual(all.filter((number) => number % 4 === 0))
  expect(numbersOf('stdout')).toEqual(all.filter((number) => number % 4 !== 0))
}

test(`${String(LINES)} lines are all there, once and whole, over ${String(KILLS)} kills of the daemon and rotations of the log`, async () => {
  await cliOk(node, 'deploy', writeApp(machines.base, { name: 'writer', script: WRITER }))
  const pid = (await apps(node))[0]?.pid ?? 0
  await until('it listens', async () => (await cliOk(node, 'logs', 'writer')).includes('ready'))
  const follower = follow(node, 'logs', 'writer', '--follow', '--tail', '1000', '--json')
  let followed = ''
  follower.child.stdout?.on('data', (text: string) => (followed += text))
  await until('it follows', () => followed.includes('ready'))

  for (let round = 0; round < KILLS; round += 1) {
    kill(pid, 'SIGUSR1')
    // At any moment of taking in what was written meanwhile and what comes.
    await delay(Math.random() * 150)
    kill(daemon)
    await until('it is gone', () => !isAlive(daemon))
    daemon = (await startDaemon(node)).pid
  }
  const query = ['logs', 'writer', '--tail', String(2 * LINES), '--json']
  const isStored = async (): Promise<boolean> => {
    const [last] = linesOf(await cliOk(node, 'logs', 'writer', '--tail', '1', '--json'))
    return last?.seq === LINES + 1
  }
  await until('all is stored', isStored)

  const { stdout, stderr, code } = await cli(node, ...query)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  expectAll(linesOf(stdout))
  const segments = machines.path('node-1', 'logs', 'apps', 'writer', '1.0.0', 'segments')
  expect(readdirSync(segments).length).toBeGreaterThan(KILLS)
  const [described] = await cliJson<{ droppedLogLines: number; pid: number }[]>(
    node,
    ...['app', 'describe', 'writer'],
  )
  expect(described).toMatchObject({ droppedLogLines: 0, pid })

  await until('the follower has all', () => followed.length >= stdout.length)
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
  expectAll(linesOf(followed))
}, 240_000)

test('events and the daemons lines are numbered on over all of them', async () => {
  for (const kind of ['daemon', 'event']) {
    const lines = linesOf(await cliOk(node, 'logs', '--kind', kind, '--tail', '100000', '--json'))
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1))
    const starts = lines.filter(({ line }) => /^(INFO {2}ready|daemon-started) /.test(line))
    expect(starts).toHaveLength(KILLS + 1)
  }
  expect(isAlive((await apps(node))[0]?.pid ?? 0)).toBe(true)
  await cliOk(node, 'app', 'remove', 'writer')
  expect(existsSync(machines.path('node-1', 'logs', 'apps', 'writer'))).toBe(false)
})
