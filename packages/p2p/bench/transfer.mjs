// Sends one file from one host to many receivers at once over loopback, each in a process of its own.
//   node packages/p2p/bench/transfer.mjs [--receivers 10] [--mb 100] [--no-psk | --psk] [--json]
// Without --psk or --no-psk both are measured. Prints seconds and CPU seconds (source, receivers together).
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPieceList } from '@p2p-playground/core/bundle'
import { testHost } from '../dist/testing/loopback.js'

const quiet = {
  debug() {},
  info() {},
  warn: console.error,
  error: console.error,
  child: () => quiet,
}
async function makeHost(name, psk) {
  return testHost({
    ...(name === 'source' ? {} : { listen: [] }),
    psk: psk === undefined ? [] : [psk],
    logger: quiet,
  })
}

const cpuSeconds = (since) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

async function receive({ home, name, psk, source, path }) {
  const list = await buildPieceList(path)
  const host = await makeHost(name, psk === undefined ? undefined : Buffer.from(psk, 'hex'))
  await host.start()
  const signal = AbortSignal.timeout(600_000)
  const peer = await host.dial(source, signal)
  process.send('ready')
  await new Promise((resolve) => process.once('message', resolve))
  const before = process.cpuUsage()
  const result = await host.fetchPieces({
    list,
    sources: [peer],
    partPath: join(home, `${name}.part`),
    onProgress: () => {},
    signal,
  })
  process.send({
    cpu: cpuSeconds(before),
    received: result.receivedBytes,
    rss: process.memoryUsage.rss(),
  })
  await host.stop()
}

async function run({ receivers, mb, withPsk }) {
  const home = await mkdtemp(join(tmpdir(), 'p2p-bench-'))
  const psk = withPsk ? randomBytes(32) : undefined
  try {
    const path = join(home, 'package')
    await writeFile(path, randomBytes(mb * 1024 * 1024))
    const host = await makeHost('source', psk)
    await host.start()
    const withdraw = host.serve.offer(await buildPieceList(path), path)
    const children = Array.from({ length: receivers }, (_, index) => {
      const child = fork(import.meta.filename, ['--receive'], { execArgv: [] })
      child.send({
        home,
        name: `r${index}`,
        psk: psk?.toString('hex'),
        source: host.addresses()[0],
        path,
      })
      return child
    })
    const exits = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    const next = (child) =>
      new Promise((resolve, reject) => {
        child.once('message', resolve)
        child.once('exit', (code) => reject(new Error(`a receiver ended with ${code}`)))
      })
    await Promise.all(children.map(next))
    const before = process.cpuUsage()
    const started = performance.now()
    const outcomes = children.map(next)
    for (const child of children) child.send('go')
    const results = await Promise.all(outcomes)
    const seconds = (performance.now() - started) / 1000
    const sourceCpu = cpuSeconds(before)
    withdraw()
    await Promise.all(exits)
    await host.stop()
    return {
      psk: withPsk,
      receivers,
      mb,
      seconds: Number(seconds.toFixed(2)),
      sourceCpuSeconds: Number(sourceCpu.toFixed(2)),
      receiverCpuSeconds: Number(results.reduce((sum, one) => sum + one.cpu, 0).toFixed(2)),
      sourceRssMb: Math.round(process.memoryUsage.rss() / 1e6),
      receiverRssMb: Math.round(Math.max(...results.map((one) => one.rss)) / 1e6),
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const { values } = parseArgs({
  options: {
    receivers: { type: 'string', default: '10' },
    mb: { type: 'string', default: '100' },
    psk: { type: 'boolean', default: false },
    'no-psk': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    receive: { type: 'boolean', default: false },
  },
})
if (values.receive) {
  process.once('message', (message) => {
    receive(message).then(
      () => process.disconnect(),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
} else {
  for (const withPsk of [true, false]) {
    if (withPsk ? values['no-psk'] : values.psk) continue
    const result = await run({
      receivers: Number(values.receivers),
      mb: Number(values.mb),
      withPsk,
    })
    if (values.json) console.log(JSON.stringify(result))
    else console.table([result])
  }
}
