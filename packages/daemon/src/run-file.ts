import { readFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { LoadedPlugin } from '@p2p-playground/core'

/** What a running daemon tells the programs beside it. */
export interface RunFile {
  readonly pid: number
  readonly startTicks: number
  readonly bootId: string
  readonly peerId: string
  readonly name: string
  readonly version: string
  readonly addresses: readonly string[]
  readonly startedAtMs: number
  /** Missing in the file of a daemon of an earlier version. */
  readonly plugins?: readonly LoadedPlugin[]
}

/** Field 22 of /proc/PID/stat, clock ticks after boot; undefined when the process is gone or a zombie (proc(5)). */
export function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19])
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined
    throw error
  }
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** Not synced: it says nothing once the machine has started anew. */
export async function writeRunFile(path: string, content: RunFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

/** The file of a daemon that still runs; undefined when there is none or its process is gone. */
export async function readRunFile(path: string): Promise<RunFile | undefined> {
  let content: RunFile
  try {
    content = JSON.parse(await readFile(path, 'utf8')) as RunFile
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
  const alive = content.bootId === bootId() && content.startTicks === startTicksOf(content.pid)
  return alive ? content : undefined
}

export async function removeRunFile(path: string): Promise<void> {
  await rm(path, { force: true })
}
