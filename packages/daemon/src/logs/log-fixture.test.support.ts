import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage, systemClock } from '@p2p-playground/core'
import type { AppLogEntry, Logger } from '@p2p-playground/core'
import { RecordingLogger } from '@p2p-playground/testkit'
import { onTestFinished, vi } from 'vitest'
import type { StoredLine } from './frame.js'
import { LogStore } from './log-store.js'
import type { InstanceLog, LogStoreOptions } from './log-store.js'
import type { StoreQuery } from './log-query.js'
import { Segments } from './segments.js'

export const KEY = { app: 'hello', version: '1.0.0' }

/** A directory that goes with the test. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'logs-'))
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

/** The descriptors of this process that lead to a file. */
export function descriptorsOf(path: string): number[] {
  const real = realpathSync(path)
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === real ? [Number(fd)] : []
    } catch {
      // The one by which the directory was read.
      return []
    }
  })
}

/** From now on the system refuses whatever is done with the file as it is open here: EBADF. */
export function breakOpenFile(path: string): void {
  const descriptors = descriptorsOf(path)
  if (descriptors.length === 0) throw new Error(`${path} is not open`)
  for (const fd of descriptors) closeSync(fd)
}

/** Meanwhile no file may grow beyond so many bytes: as a full disk, it takes a part. */
export function withFileLimit(bytes: number, act: () => void): void {
  const limit = (soft: string): void => {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:`])
  }
  const survive = (): void => undefined
  process.on('SIGXFSZ', survive)
  limit(String(bytes))
  try {
    act()
  } finally {
    limit('unlimited')
    process.off('SIGXFSZ', survive)
  }
}

/** Lets a file only grow, and a directory only get more files, until the returned function is called; see chattr(1). */
export function makeAppendOnly(path: string): () => void {
  const change = (mode: string): void => {
    execFileSync('chattr', [mode, path], { stdio: ['ignore', 'ignore', 'pipe'] })
  }
  change('+a')
  const undo = (): void => {
    change('-a')
  }
  onTestFinished(undo)
  return undo
}

/** Why `makeAppendOnly` cannot be had here; said on stdout. */
export function whyNoAppendOnly(test: string): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'logs-'))
  try {
    for (const mode of ['+a', '-a']) execFileSync('chattr', [mode, dir], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    const why = `files that only grow need root and a file system that has them: ${errorMessage(error).trim()}`
    process.stdout.write(`${test}: left out, ${why}\n`)
    return why
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export class CountingLogger extends RecordingLogger {
  count(event: string): number {
    return this.lines.filter((line) => line.event === event).length
  }
}

export interface StoreFixture {
  readonly store: LogStore
  readonly logger: CountingLogger
  readonly rootDir: string
  /** Opens an instance and returns where it would write to. */
  readonly open: (key?: typeof KEY, secrets?: readonly string[]) => Promise<InstanceLog>
  /** Everything that a query gives. */
  readonly read: (query?: Partial<StoreQuery>) => Promise<AppLogEntry[]>
  /** The texts of `read`. */
  readonly lines: (query?: Partial<StoreQuery>) => Promise<string[]>
  /** Resolves when so many lines are stored. */
  readonly stored: (count: number) => Promise<void>
}

/** A store that is closed with the test. */
export function storeFixture(options: Partial<LogStoreOptions> = {}): StoreFixture {
  const rootDir = options.rootDir ?? temporaryDir()
  const logger = new CountingLogger()
  const store = new LogStore({
    rootDir,
    node: 'node-1',
    clock: systemClock,
    logger,
    maxBytesPerApp: 100 * 1024 * 1024,
    maxAgeMs: 7 * 86_400_000,
    redact: [],
    ...options,
  })
  onTestFinished(() => store.close())
  const read: StoreFixture['read'] = async (query = {}) => {
    const found: AppLogEntry[] = []
    for await (const { entries } of store.query({ kinds: ['app'], app: KEY.app, ...query })) {
      found.push(...entries.filter((entry) => entry.kind === 'app'))
    }
    return found
  }
  return {
    store,
    logger,
    rootDir,
    read,
    open: (key = KEY, secrets = []) => store.open(key, { secrets }),
    lines: async (query) => (await read(query)).map((entry) => entry.line),
    stored: async (count) => {
      await vi.waitFor(
        async () => {
          const found = (await read()).length
          if (found < count) throw new Error(`${String(found)} of ${String(count)} lines`)
        },
        { timeout: 10_000, interval: 5 },
      )
    },
  }
}

export function write(path: string, text: string | Buffer): void {
  appendFileSync(path, text)
}

/** Lines in one frame, as one look at the raw files would find them. */
export function storedLines(firstSeq: number, texts: readonly string[], timeMs = 1): StoredLine[] {
  return texts.map((line, index) => ({ timeMs, stream: 'stdout', seq: firstSeq + index, line }))
}

export function openSegments(
  dir: string,
  options: { readonly logger?: Logger; readonly rollBytes?: number } = {},
): Segments {
  const segments = new Segments({
    dir,
    key: KEY,
    node: 'node-1',
    rollBytes: options.rollBytes ?? 1024 * 1024,
    logger: options.logger ?? new RecordingLogger(),
    onRoll: () => undefined,
  })
  onTestFinished(() => segments.close())
  return segments
}

/** The texts of all sound frames. */
export async function textsOf(segments: Segments): Promise<string[]> {
  const frames = await Promise.all(segments.list().map((segment) => segments.read(segment)))
  return frames.flat().flatMap((frame) => frame.lines().map((line) => line.line))
}
