import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { bundled } from './bundled.test.support.js'
import { createDaemonLogger } from './daemon-logger.js'
import type { DaemonLoggerOptions } from './daemon-logger.js'
import { temporaryDir } from './log-fixture.test.support.js'

type Row = Readonly<Record<string, unknown>>

function rowsIn(dir: string): Row[] {
  const names = readdirSync(dir).filter((name) => /^daemon-\d{12}\.log$/.test(name))
  const lines = names.sort().flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'))
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row)
}

const open = (
  dir: string,
  options: Partial<DaemonLoggerOptions> = {},
): ReturnType<typeof createDaemonLogger> =>
  createDaemonLogger({
    dir,
    node: 'node-1',
    level: 'debug',
    foreground: false,
    clock: systemClock,
    redact: [],
    ...options,
  })

describe('createDaemonLogger', () => {
  it('writes lines of JSON with number, time, level, event and fields', async () => {
    const dir = join(temporaryDir(), 'logs')
    const { logger, close } = await open(dir)
    logger.info('ready', { port: 4001, name: 'a', none: null, undef: undefined })
    logger.child({ plugin: 'x' }).child({ run: 2 }).error('failed', { run: 3 })
    await close()
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown
    expect(rowsIn(dir)).toEqual([
      { seq: 1, time, level: 'info', event: 'ready', port: 4001, name: 'a', none: null },
      { seq: 2, time, level: 'error', event: 'failed', plugin: 'x', run: 3 },
    ])
    expect(statSync(dir).mode & 0o077).toBe(0)
    for (const name of readdirSync(dir).filter((each) => each.endsWith('.log'))) {
      expect(statSync(join(dir, name)).mode & 0o077).toBe(0)
    }
  })

  it('lets no field take the place of number, time, level or event, and mixes none into the event', async () => {
    const dir = temporaryDir()
    const { logger, close } = await open(dir)
    logger.warn('event', {
      message: 'm',
      level: 'l',
      event: 'e',
      time: 't',
      seq: 7,
      splat: 's',
      error: 'x',
    })
    await close()
    expect(rowsIn(dir)).toMatchObject([
      { seq: 1, level: 'warn', event: 'event', message: 'm', error: 'x' },
    ])
    expect(rowsIn(dir)[0]?.['time']).not.toBe('t')
  })

  it('takes configured patterns out of fields', async () => {
    const dir = temporaryDir()
    const { logger, close } = await open(dir, { redact: [/token=\w+/] })
    logger.info('call', { url: '/x?token=abc&token=def', port: 1 })
    await close()
    expect(rowsIn(dir)).toMatchObject([{ url: '/x?***&***', port: 1 }])
  })

  it('leaves out what is below its level', async () => {
    const dir = temporaryDir()
    const { logger, close } = await open(dir, { level: 'warn' })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level](level)
    await close()
    expect(rowsIn(dir).map((row) => row['event'])).toEqual(['warn', 'error'])
  })

  it('has every line when it is closed at once, and goes on in the same file', async () => {
    const dir = temporaryDir()
    const count = 20_000
    for (const run of [1, 2]) {
      const { logger, close } = await open(dir)
      for (let index = 0; index < count; index += 1) logger.info('line', { run, index })
      await close()
    }
    const indexes = rowsIn(dir).map((row) => row['index'])
    expect(indexes).toEqual(Array.from({ length: 2 * count }, (_, index) => index % count))
  })

  it('outlives a directory that is taken away', async () => {
    const dir = join(temporaryDir(), 'logs')
    const { logger, close } = await open(dir)
    rmSync(dir, { recursive: true })
    mkdirSync(dir)
    logger.info('still here')
    await close()
    await expect(close()).resolves.toBeUndefined()
    logger.info('after the end')
    expect(rowsIn(dir).map((row) => row['event'])).toEqual(['still here'])
  })

  it('writes readable lines to stderr too, in the foreground', async () => {
    const dir = temporaryDir()
    await bundled('daemon-logger.ts', dir, 'logger.cjs')
    const program = `
      const { createDaemonLogger } = require('./logger.cjs')
      createDaemonLogger({
        dir: 'logs', node: 'n', level: 'info', foreground: true, clock: { now: () => Date.now() }, redact: [],
      }).then(async ({ logger, close }) => {
        logger.debug('unseen')
        logger.warn('refused', { by: 'peer', tries: 2 })
        await close()
        process.exit(0)
      })`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
      cwd: dir,
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^\S+Z WARN {2}refused by=peer tries=2\n$/)
    expect(rowsIn(join(dir, 'logs'))).toMatchObject([{ event: 'refused', by: 'peer', tries: 2 }])
  })
})
