import {
  appendFileSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogEntry } from '@p2p-playground/core'
import { FakeClock } from '@p2p-playground/testkit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { answers, logIn, numbers, read } from './daemon-log.test.support.js'
import { followFeeds } from './follower.js'
import {
  breakOpenFile,
  descriptorsOf,
  temporaryDir,
  withFileLimit,
} from './log-fixture.test.support.js'
import type { StoreQuery } from './log-query.js'

describe('DaemonLog', () => {
  it('gives lines back as entries with level, event, fields and the app that they name', async () => {
    const log = logIn(temporaryDir())
    log.write('info', 'ready', { peerId: '12D3', none: null, unset: undefined })
    log.write('warn', 'log-lines-dropped', { app: 'web', version: '1.0.0', lines: 3 })
    log.write('error', 'wait-failed', { instance: 'db@2.0.0', error: 'x\ny' })
    const common = { kind: 'daemon', node: 'n', timeMs: 1_700_000_000_000 }
    const nobody = { app: null, version: null }
    expect(await read(log)).toEqual([
      {
        ...common,
        ...nobody,
        seq: 1,
        level: 'info',
        event: 'ready',
        fields: { peerId: '12D3', none: null },
        line: 'INFO  ready peerId=12D3 none=null',
      },
      {
        ...common,
        app: 'web',
        version: '1.0.0',
        seq: 2,
        level: 'warn',
        event: 'log-lines-dropped',
        fields: { app: 'web', version: '1.0.0', lines: 3 },
        line: 'WARN  log-lines-dropped app=web version=1.0.0 lines=3',
      },
      {
        ...common,
        app: 'db',
        version: '2.0.0',
        seq: 3,
        level: 'error',
        event: 'wait-failed',
        fields: { instance: 'db@2.0.0', error: 'x\ny' },
        line: 'ERROR wait-failed instance=db@2.0.0 error="x\\ny"',
      },
    ])
  })

  it('is asked as other logs are', async () => {
    const clock = new FakeClock(0)
    const log = logIn(temporaryDir(), { clock, rollBytes: 1000 })
    for (const number of numbers(100)) {
      clock.setWall(number)
      log.write('info', 'event', { number, ...(number % 10 === 0 ? { app: 'web' } : {}) })
    }
    const seqs = async (query: Partial<StoreQuery>): Promise<number[]> =>
      (await read(log, query)).map(({ seq }) => seq)
    // Once with what is known of each file beforehand, once with what was learnt.
    for (const log of [1, 2]) {
      expect(await seqs({ sinceMs: 41, untilMs: 43 }), String(log)).toEqual([41, 42, 43])
    }
    expect(await seqs({ tail: 3 })).toEqual([98, 99, 100])
    expect(await seqs({ grep: 'number=7' })).toEqual([7, ...numbers(10, 70)])
    expect(await seqs({ app: 'web' })).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    expect(await seqs({ after: { daemon: 98 } })).toEqual([99, 100])
    expect(await seqs({ after: { daemon: 1000 } })).toEqual([])
    expect(await seqs({ stream: 'stdout' })).toEqual([])
    expect(await seqs({ kinds: ['event'] })).toEqual([])
  })

  it('goes on with its numbers, and cuts a torn end off', async () => {
    const dir = temporaryDir()
    for (const event of ['one', 'two']) {
      const log = logIn(dir)
      log.write('info', event, {})
      await log.close()
      log.write('info', 'after its end', {})
    }
    const [name = ''] = readdirSync(dir)
    appendFileSync(join(dir, name), '{"seq":3,"time":"20')
    const log = logIn(dir)
    log.write('info', 'three', {})
    expect((await read(log)).map(({ seq, event }) => [seq, event])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'daemon-log-torn-end-cut'],
      [4, 'three'],
    ])
  })

  it('drops the oldest file beyond its cap, and says how many lines that were', async () => {
    const dir = temporaryDir()
    const log = logIn(dir, { rollBytes: 1000, maxFiles: 3 })
    for (const number of numbers(200)) log.write('info', 'event', { number })
    expect(readdirSync(dir)).toHaveLength(3)
    const kept = await read(log)
    const gone = 200 - kept.length
    expect(kept.map(({ seq }) => seq)).toEqual(numbers(kept.length, gone + 1))
    const dropped = [{ source: 'daemon', lines: gone }]
    expect((await answers(log))[0]).toMatchObject({ dropped })
    expect((await answers(log, { tail: 5 }))[0]).not.toHaveProperty('dropped')
    expect((await answers(log, { tail: 5000 }))[0]).toMatchObject({ dropped })
  })

  it('passes over a damaged line, and says that it is missing', async () => {
    const dir = temporaryDir()
    const log = logIn(dir)
    for (const event of ['one', 'two', 'three']) log.write('info', event, {})
    const path = join(dir, readdirSync(dir)[0] ?? '')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"two"', '"t"o"'))
    expect((await read(log)).map(({ event }) => event)).toEqual(['one', 'three'])
    expect((await answers(log)).flatMap(({ dropped = [] }) => dropped)).toEqual([
      { source: 'daemon', lines: 1 },
    ])
  })

  it('outlives a disk that refuses, and says afterwards how many lines are lost and why', async () => {
    const dir = temporaryDir()
    const log = logIn(dir)
    log.write('info', 'before', {})
    withFileLimit(1, () => {
      for (const number of numbers(3))
        log.write('info', 'refused', { number, text: 'x'.repeat(5000) })
    })
    log.write('info', 'after', {})
    const found = await read(log)
    expect(found.map(({ seq, event }) => [seq, event])).toEqual([
      [1, 'before'],
      [2, 'daemon-log-lines-lost'],
      [3, 'after'],
    ])
    expect(found[1]?.fields['lines']).toBe(3)
    expect(found[1]?.fields['error']).toMatch(/^EFBIG/)
    expect(descriptorsOf(join(dir, 'daemon-000000000001.log'))).toHaveLength(1)
  })

  it('lets go of a full file that cannot be synced, and goes on in the next', async () => {
    const dir = temporaryDir()
    const log = logIn(dir, { rollBytes: 1000 })
    // A device takes lines, and cannot be synced.
    symlinkSync('/dev/zero', join(dir, 'daemon-000000000001.log'))
    log.write('info', 'before', { text: 'x'.repeat(900) })
    expect(descriptorsOf('/dev/zero')).toHaveLength(1)
    log.write('info', 'refused', { text: 'x'.repeat(900) })
    log.write('info', 'after', {})
    const found = await read(log, { after: { daemon: 1 } })
    expect(found.map(({ seq, event }) => [seq, event])).toEqual([
      [2, 'daemon-log-lines-lost'],
      [3, 'after'],
    ])
    expect(descriptorsOf('/dev/zero')).toEqual([])
  })

  it('does without a file while its directory cannot be one', async () => {
    const dir = join(temporaryDir(), 'logs')
    writeFileSync(dir, '')
    const log = logIn(dir)
    log.write('info', 'lost', {})
    rmSync(dir)
    log.write('info', 'found', {})
    expect((await read(log)).map(({ event }) => event)).toEqual(['daemon-log-lines-lost', 'found'])
  })

  it('says in its next line that a file could not be closed', async () => {
    const dir = temporaryDir()
    const log = logIn(dir)
    log.write('info', 'before', {})
    const path = join(dir, 'daemon-000000000001.log')
    breakOpenFile(path)
    log.write('info', 'refused', {})
    await nextTurn()
    log.write('info', 'after', {})
    expect((await read(log)).map(({ event, fields }) => [event, fields])).toEqual([
      ['before', {}],
      [
        'daemon-log-lines-lost',
        {
          lines: 1,
          error: expect.stringMatching(/^EBADF: bad file descriptor, write; .*EBADF/) as string,
        },
      ],
      ['daemon-log-close-failed', { path, error: 'EBADF: bad file descriptor, close' }],
      ['after', {}],
    ])
  })

  it('says at its end what no line came to say', async () => {
    const dir = temporaryDir()
    const log = logIn(dir)
    log.write('info', 'before', {})
    breakOpenFile(join(dir, 'daemon-000000000001.log'))
    log.write('info', 'refused', {})
    await log.close()
    expect((await read(logIn(dir))).map(({ event }) => event)).toEqual([
      'before',
      'daemon-log-lines-lost',
      'daemon-log-close-failed',
    ])
  })

  it('ends for who follows it, and for good, although the disk refuses', async () => {
    const dir = temporaryDir()
    const log = logIn(dir)
    log.write('info', 'before', {})
    const listener = { push: vi.fn(), forget: vi.fn(), end: vi.fn() }
    log.subscribe(listener)
    breakOpenFile(join(dir, 'daemon-000000000001.log'))
    await expect(log.close()).rejects.toThrow('EBADF: bad file descriptor, fdatasync')
    expect(listener.end).toHaveBeenCalledOnce()
    await log.close()
  })

  it('is followed without gap or repeat while files roll and go', async () => {
    const log = logIn(temporaryDir(), { rollBytes: 1000 })
    const stop = new AbortController()
    onTestFinished(() => {
      stop.abort()
    })
    for (const number of numbers(50)) log.write('info', 'event', { number })
    const seen: LogEntry[] = []
    const query = { kinds: ['daemon' as const], tail: 10 }
    for await (const { entries } of followFeeds([log], query, stop.signal)) {
      seen.push(...entries)
      if (seen.length >= 60) stop.abort()
      else if (seen.length >= 10) log.write('info', 'event', { number: 0 })
    }
    expect(seen.map(({ seq }) => seq)).toEqual(numbers(60, 41))
  })
})
