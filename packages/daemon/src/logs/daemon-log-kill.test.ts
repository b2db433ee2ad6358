import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import { bundled } from './bundled.test.support.js'
import { logIn, numbers, read } from './daemon-log.test.support.js'
import { temporaryDir } from './log-fixture.test.support.js'

/** Logs as fast as it can and is killed within a call; says on stdout, at once, how far it came. */
const PROGRAM = `
const { writeSync } = require('node:fs')
const { createDaemonLogger } = require('./logger.cjs')
const [from, count] = process.argv.slice(2).map(Number)
const clock = { now: () => Date.now() }
createDaemonLogger({
  dir: 'logs', node: 'n', level: 'info', foreground: false, clock, redact: [], rollBytes: 20_000, maxFiles: 1000,
}).then(({ logger }) => {
  for (let number = from; ; number += 1) {
    logger.info('line', { number, text: 'x'.repeat(number % 300) })
    writeSync(1, number + '\\n')
    if (number === from + count) process.kill(process.pid, 'SIGKILL')
  }
})
`

it('has every line that was logged, whole and once, over many files and many kills', async () => {
  const dir = temporaryDir()
  await bundled('daemon-logger.ts', dir, 'logger.cjs')
  writeFileSync(join(dir, 'program.cjs'), PROGRAM)
  let logged = 0
  for (let run = 0; run < 20; run += 1) {
    // Half of them are killed by themselves right behind a line, half from outside at any moment.
    const count = run % 2 === 0 ? 500 + run : Infinity
    // winston looks at stdout, and a pipe then refuses (EAGAIN) what is said faster than this process reads.
    const said = openSync(join(dir, 'said'), 'w')
    const child = spawn(
      process.execPath,
      [join(dir, 'program.cjs'), String(logged + 1), String(count)],
      { cwd: dir, stdio: ['ignore', said, 'inherit'] },
    )
    const closed = once(child, 'close')
    if (count === Infinity) {
      await waitFor('much of it', () => fstatSync(said).size > 2000)
      child.kill('SIGKILL')
    }
    await closed
    closeSync(said)
    expect(child.signalCode).toBe('SIGKILL')
    logged = Number(readFileSync(join(dir, 'said'), 'utf8').trimEnd().split('\n').at(-1))
    // It may have logged one more before it could say so.
    const log = logIn(join(dir, 'logs'), { rollBytes: 20_000, maxFiles: 1000 })
    const last = (await read(log, { tail: 1 }))[0]?.fields['number']
    await log.close()
    expect([logged, logged + 1]).toContain(last)
    logged = Number(last)
  }
  const log = logIn(join(dir, 'logs'))
  const lines = await read(log)
  expect(lines.map(({ seq }) => seq)).toEqual(numbers(lines.length))
  const kept = lines.filter(({ event }) => event === 'line')
  expect(kept.map(({ fields }) => fields['number'])).toEqual(numbers(logged))
  for (const { fields } of kept) {
    expect(fields['text']).toHaveLength(Number(fields['number']) % 300)
  }
  expect(readdirSync(join(dir, 'logs')).length).toBeGreaterThan(50)
}, 60_000)
