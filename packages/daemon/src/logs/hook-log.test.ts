import { appendFileSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { followFeeds } from './follower.js'
import { KEY, descriptorsOf, storeFixture, write } from './log-fixture.test.support.js'

/** The path of the newest segment. */
function newestSegment(rootDir: string): string {
  const dir = join(rootDir, KEY.app, KEY.version, 'segments')
  return join(dir, readdirSync(dir).sort().at(-1) ?? '')
}

describe('LogStore.append', () => {
  it('stores lines of hooks in one sequence with those of the program', async () => {
    const { store, open, read } = storeFixture()
    const log = await open()
    await store.append(KEY, 'pre-start', ['migrating', 'done'])
    write(log.stdoutPath, 'hello\n')
    await store.finish(KEY)
    await store.append(KEY, 'post-stop', ['bye'])
    const common = { kind: 'app', node: 'node-1', ...KEY }
    expect(await read()).toMatchObject([
      { ...common, stream: 'pre-start', seq: 1, line: 'migrating' },
      { ...common, stream: 'pre-start', seq: 2, line: 'done' },
      { ...common, stream: 'stdout', seq: 3, line: 'hello' },
      { ...common, stream: 'post-stop', seq: 4, line: 'bye' },
    ])
    expect(await read({ stream: 'pre-start', tail: 1 })).toMatchObject([{ line: 'done' }])
    expect(await read({ stream: 'post-stop' })).toMatchObject([{ seq: 4 }])
  })

  it.each([
    ['is not open', false],
    ['is open', true],
  ])('is over only when the lines are on the disk, of an instance that %s', async (_, isOpen) => {
    const { store, open, rootDir } = storeFixture()
    if (isOpen) await open()
    const appending = store.append(KEY, 'post-stop', ['bye'])
    // They are written; the sync of their new file needs its directory.
    const segments = dirname(newestSegment(rootDir))
    renameSync(segments, `${segments}-away`)
    await expect(appending).rejects.toThrow('ENOENT')
    renameSync(`${segments}-away`, segments)
    expect(descriptorsOf(newestSegment(rootDir))).toHaveLength(isOpen ? 1 : 0)
  })

  it('stores none for a hook that was silent', async () => {
    const { store, open, read } = storeFixture()
    await open()
    await store.append(KEY, 'pre-start', [])
    expect(await read()).toEqual([])
  })

  it('takes secrets and patterns out before the disk, also where a line is cut', async () => {
    const { store, open, lines, rootDir } = storeFixture({ redact: [/token=\w+/] })
    await open(KEY, ['hunter2'])
    const long = `${'x'.repeat(64 * 1024 - 3)}hunter2`.padEnd(300_000, 'y')
    await store.append(KEY, 'pre-start', ['login hunter2 token=abc', long])
    const [first, ...parts] = await lines()
    expect(first).toBe('login *** ***')
    expect(parts.join('')).toBe(long.replace('hunter2', '***'))
    const onDisk = readFileSync(newestSegment(rootDir), 'latin1')
    expect(onDisk).toContain('login *** ***')
    expect(onDisk).not.toMatch(/hunter2|abc/)
  })

  it('cuts long lines between characters, and takes many', async () => {
    const { store, open, read } = storeFixture()
    await open()
    const long = '🙂'.repeat(150_000)
    const many = Array.from(
      { length: 30_000 },
      (_, index) => `line ${String(index)} ${'z'.repeat(50)}`,
    )
    await store.append(KEY, 'pre-start', [long, ...many])
    const entries = await read()
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1))
    const ofLong = entries.slice(0, -many.length)
    expect(ofLong.map(({ line }) => line).join('')).toBe(long)
    expect(ofLong.map(({ cut }) => cut ?? false)).toEqual([
      ...Array.from({ length: ofLong.length - 1 }, () => true),
      false,
    ])
    expect(entries.slice(-many.length).map(({ line }) => line)).toEqual(many)
  })

  it('tells followers', async () => {
    const { store, open } = storeFixture()
    await open()
    const stop = new AbortController()
    onTestFinished(() => {
      stop.abort()
    })
    const seen: string[] = []
    const query = { kinds: ['app' as const], stream: 'post-stop' as const }
    const read = async (): Promise<void> => {
      for await (const { entries } of followFeeds([store], query, stop.signal)) {
        seen.push(...entries.map(({ line }) => line))
      }
    }
    const reading = read()
    await store.append(KEY, 'pre-start', ['not asked for'])
    await store.append(KEY, 'post-stop', ['asked for'])
    await vi.waitFor(() => {
      expect(seen).toEqual(['asked for'])
    })
    stop.abort()
    await reading
  })

  it('has what it stored after a crash, and where the raw files are read stays as it was', async () => {
    const first = storeFixture()
    const log = await first.open()
    write(log.stdoutPath, 'one\n')
    await first.stored(1)
    await first.store.append(KEY, 'post-stop', ['two'])
    await first.store.close()
    // As if a kill had cut one more append short.
    appendFileSync(newestSegment(first.rootDir), Buffer.from('3e0000001234', 'hex'))
    write(log.stdoutPath, 'three\n')
    const second = storeFixture({ rootDir: first.rootDir })
    await second.open()
    await second.stored(3)
    await second.store.append(KEY, 'pre-start', ['four'])
    expect((await second.read()).map(({ seq, stream, line }) => [seq, stream, line])).toEqual([
      [1, 'stdout', 'one'],
      [2, 'post-stop', 'two'],
      [3, 'stdout', 'three'],
      [4, 'pre-start', 'four'],
    ])
  })

  it('stores what a hook wrote of an instance that does not run', async () => {
    const { store, lines, rootDir } = storeFixture()
    await store.append(KEY, 'post-stop', ['late'])
    expect(await lines()).toEqual(['late'])
    await store.close()
    expect(await storeFixture({ rootDir }).lines()).toEqual(['late'])
  })
})

describe('LogStore.tailOf', () => {
  it('gives the newest lines of one version', async () => {
    const { store, open } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'a\nb\nc\n')
    write((await open({ app: KEY.app, version: '2.0.0' })).stdoutPath, 'other\n')
    await store.finish(KEY)
    await store.append(KEY, 'post-stop', ['d'])
    const texts = async (count: number): Promise<string[]> =>
      (await store.tailOf(KEY, count)).map(({ line }) => line)
    expect(await texts(2)).toEqual(['c', 'd'])
    expect(await texts(200)).toEqual(['a', 'b', 'c', 'd'])
    expect(await texts(0)).toEqual([])
    expect(await store.tailOf({ app: 'none', version: '1.0.0' }, 5)).toEqual([])
  })

  it('costs little, however long the log is', async () => {
    const { store, open, rootDir, logger } = storeFixture()
    const log = await open()
    const line = `${'x'.repeat(999)}\n`
    for (let part = 0; part < 20; part += 1) write(log.stdoutPath, line.repeat(1000))
    await store.finish(KEY)
    const dir = join(rootDir, KEY.app, KEY.version, 'segments')
    const names = readdirSync(dir).sort()
    expect(names.length).toBeGreaterThan(15)
    for (const name of names.slice(0, -2)) writeFileSync(join(dir, name), 'not to be read')
    const tail = await store.tailOf(KEY, 200)
    expect(tail.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 200 }, (_, index) => 19_801 + index),
    )
    expect(logger.count('log-segment-damaged')).toBe(0)
  })
})
