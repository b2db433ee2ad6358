import { readFileSync, readdirSync } from 'node:fs'
import { systemCode } from '@p2p-playground/core'

/** Of /proc/PID/stat (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number
  /** Of the program, its first 15 bytes. */
  readonly name: string
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** User and system time, clock ticks. */
  readonly cpuTicks: number
  /** Since boot, clock ticks. */
  readonly startTicks: number
  readonly residentBytes: number
}

/** Linux reports times in 100ths of a second to user space, whatever the kernel's own rate (USER_HZ). */
export const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/** Undefined when there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  const text = readProc(`/proc/${String(pid)}/stat`)
  if (text === undefined) return undefined
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const at = (index: number): number => Number(fields[index - 3])
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
    state: fields[0] ?? '?',
    parent: at(4),
    group: at(5),
    session: at(6),
    cpuTicks: at(14) + at(15),
    startTicks: at(22),
    residentBytes: at(24) * PAGE_BYTES,
  }
}

/** True when the process can still run: not gone and no zombie. */
export function isAlive(pid: number): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** The live processes that `wanted` picks. */
export function findProcesses(wanted: (stat: ProcessStat) => boolean): ProcessStat[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid)) return []
    const stat = readStat(pid)
    return stat !== undefined && stat.state !== 'Z' && wanted(stat) ? [stat] : []
  })
}

/** A live process, as it was when somebody looked. */
export interface SeenProcess {
  readonly stat: ProcessStat
  /** Read when it is first asked for. */
  readonly environment: () => readonly string[]
}

let look: readonly SeenProcess[] | undefined

/** All live processes. Whoever asks within one turn of the event loop shares one look, which costs the more the more there are. */
export function allProcesses(): readonly SeenProcess[] {
  if (look !== undefined) return look
  setImmediate(() => {
    look = undefined
  })
  look = findProcesses(() => true).map((stat) => {
    let lines: readonly string[] | undefined
    return { stat, environment: () => (lines ??= readEnvironment(stat.pid)) }
  })
  return look
}

/** Lines `NAME=value`; none when the process is gone or may not be looked at. */
export function readEnvironment(pid: number): string[] {
  return readProc(`/proc/${String(pid)}/environ`)?.split('\0') ?? []
}

function readProc(path: string): string | undefined {
  try {
    // As UTF-8 Node reads it natively. For any other encoding it takes a buffer of 64 KiB for each file of unknown length,
    // and a thousand of them between two collections leave holes in the C heap that are never given back.
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    // Gone, or another user's.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM')
      return undefined
    throw error
  }
}
