import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RecordingLogger } from '@p2p-playground/testkit'
import { expect, it } from 'vitest'
import { temporaryDir } from '../logs/log-fixture.test.support.js'
import { EMPTY_LEDGER, Ledger } from './ledger.js'
import { LedgerFile } from './ledger-file.js'

const LIFE = { source: 'hello@1.0.0', instance: 'a' }

it('gives back what was saved, and nothing before', async () => {
  const dir = join(temporaryDir(), 'sink')
  const file = new LedgerFile(join(dir, 'ledger.json'), new RecordingLogger())
  expect(await file.load()).toBeUndefined()
  const ledger = new Ledger(EMPTY_LEDGER)
  ledger.freeze(LIFE, { firstSeq: 3, lastSeq: 9, lines: 6, timeMs: 1 })
  ledger.setCursor({ source: 'daemon', instance: null }, 4)
  ledger.paused(true)
  await file.save(ledger.content)
  expect(await file.load()).toEqual(ledger.content)
  expect(new Ledger(ledger.content).counts.lostLines).toBe(3)
  expect(readdirSync(dir)).toEqual(['ledger.json'])
})

it('is replaced whole: a draft that a crash left behind counts for nothing', async () => {
  const dir = temporaryDir()
  const file = new LedgerFile(join(dir, 'ledger.json'), new RecordingLogger())
  await file.save(EMPTY_LEDGER)
  writeFileSync(join(dir, 'ledger.json.new'), '{"cursors":[{"sou')
  expect(await file.load()).toEqual(EMPTY_LEDGER)
})

it('is set aside and told of when it is damaged', async () => {
  const dir = temporaryDir()
  const path = join(dir, 'ledger.json')
  const logger = new RecordingLogger()
  for (const damaged of ['{"cur', '[]', 'null', '{"cursors":{},"frozen":[],"counts":{}}']) {
    writeFileSync(path, damaged)
    expect(await new LedgerFile(path, logger).load()).toBeUndefined()
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(damaged)
  }
  expect(logger.lines.map(({ event }) => event)).toEqual(
    new Array(4).fill('log-sink-ledger-damaged'),
  )
})

it('says so when it cannot be read', async () => {
  const path = join(temporaryDir(), 'ledger.json')
  mkdirSync(path)
  await expect(new LedgerFile(path, new RecordingLogger()).load()).rejects.toMatchObject({
    ...{ code: 'STATE_DISK', message: expect.stringContaining(path) as string },
  })
})
