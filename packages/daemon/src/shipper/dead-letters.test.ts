import { appendFileSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LogEntry } from '@p2p-playground/core'
import { expect, it } from 'vitest'
import { temporaryDir } from '../logs/log-fixture.test.support.js'
import { DeadLetterFile } from './dead-letters.js'
import type { DeadLetter } from './dead-letters.js'

function letter(line: string): DeadLetter {
  const entry: LogEntry = {
    ...{ kind: 'app', node: 'n1', app: 'hello', version: '1.0.0', instance: 'a' },
    ...{ stream: 'stdout', seq: 1, timeMs: 2, line },
  }
  return { timeMs: 1_700_000_000_000, batch: 'b1', reason: 'too odd', entry }
}

it('keeps a line with the reason as one line of JSON', async () => {
  const dir = join(temporaryDir(), 'sink')
  const path = join(dir, 'dead-letters.ndjson')
  await new DeadLetterFile(path).add(letter('one\ntwo'))
  await new DeadLetterFile(path).add(letter('ä'))
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      time: '2023-11-14T22:13:20.000Z',
      batch: 'b1',
      reason: 'too odd',
      entry: { line: 'one\ntwo' },
    },
    { entry: { line: 'ä' } },
  ])
})

it.each(['', '{"time":"2023-11-14T22:1'])(
  'cuts off what a crash or a full disk left of a line, behind %j',
  async (torn) => {
    const path = join(temporaryDir(), 'dead-letters.ndjson')
    const letters = new DeadLetterFile(path)
    for (const line of ['one', 'two']) {
      await letters.add(letter(line))
      appendFileSync(path, torn)
    }
    await letters.add(letter('three'))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject(
      ['one', 'two', 'three'].map((line) => ({ entry: { line } })),
    )
  },
)

it('keeps two files of bounded size, the newest lines', async () => {
  const dir = temporaryDir()
  const letters = new DeadLetterFile(join(dir, 'dead'), { maxBytes: 1000 })
  for (let index = 0; index < 30; index += 1) await letters.add(letter(`line ${String(index)} `))
  expect(readdirSync(dir).sort()).toEqual(['dead', 'dead.1'])
  const texts = ['dead', 'dead.1'].map((name) => readFileSync(join(dir, name), 'utf8'))
  expect(texts[0]).toContain('line 29 ')
  expect(texts.map(({ length }) => length <= 1000)).toEqual([true, true])
  await letters.add(letter('x'.repeat(5000)))
  expect(readFileSync(join(dir, 'dead'), 'utf8')).toContain('xxxx')
})
