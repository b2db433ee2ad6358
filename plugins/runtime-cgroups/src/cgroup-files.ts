import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemCode } from '@p2p-playground/core'
import { readStat } from '@p2p-playground/process-runtime'
import type { ProcessStat } from '@p2p-playground/process-runtime'

const REMOVE_TRIES = 50
const REMOVE_ROUND_MS = 20

/** Undefined when the cgroup, or that file in it, is not there. */
export function readCgroup(dir: string, file: string): string | undefined {
  try {
    return readFileSync(join(dir, file), 'utf8')
  } catch (error) {
    const code = systemCode(error)
    // ENODEV: removed while it was open.
    if (code === 'ENOENT' || code === 'ENODEV') return undefined
    throw error
  }
}

export function readNumber(dir: string, file: string): number {
  return Number(readCgroup(dir, file) ?? 0)
}

/** The number in a line `NAME N` of a file. */
export function readField(dir: string, file: string, name: string): number {
  const text = readCgroup(dir, file) ?? ''
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

export function writeCgroup(dir: string, file: string, value: string): void {
  writeFileSync(join(dir, file), value)
}

/** The same where the value is one that somebody asked for: what the kernel does not take is named. */
export function setLimit(dir: string, file: string, value: string): void {
  try {
    writeCgroup(dir, file, value)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    throw new Error(`${file} does not take ${value} (${code})`, { cause: error })
  }
}

export function hasFile(dir: string, file: string): boolean {
  return existsSync(join(dir, file))
}

/** May this process make cgroups there? */
export function isWritable(dir: string): boolean {
  try {
    for (const path of [dir, join(dir, 'cgroup.procs')]) accessSync(path, constants.W_OK)
    return true
  } catch (error) {
    // Missing, another user's, or mounted read-only.
    if (systemCode(error) === undefined) throw error
    return false
  }
}

export async function makeCgroup(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
}

/** Makes the cgroups of a run and sets them up; where that fails, none of them stays. */
export async function makeCgroups(dirs: Iterable<string>, setUp: () => void): Promise<void> {
  const all = new Set(dirs)
  try {
    for (const dir of all) await makeCgroup(dir)
    setUp()
  } catch (error) {
    for (const dir of all) await removeEmpty(dir)
    throw error
  }
}

/** The cgroup and all below it, the deepest first. */
export function treeOf(dir: string): string[] {
  try {
    const below = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return [...below.flatMap((entry) => treeOf(join(dir, entry.name))), dir]
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENODEV') return []
    throw error
  }
}

/** The live processes in the cgroup and below it. */
export function processesIn(dir: string): ProcessStat[] {
  return treeOf(dir).flatMap((one) => {
    const pids = (readCgroup(one, 'cgroup.procs') ?? '').split('\n').filter((pid) => pid !== '')
    return pids.flatMap((pid) => {
      const stat = readStat(Number(pid))
      return stat === undefined || stat.state === 'Z' ? [] : [stat]
    })
  })
}

/** Removes what is empty of a cgroup and those below it; false when something stays because processes are in it. */
export async function removeEmpty(dir: string): Promise<boolean> {
  let isGone = true
  for (const one of treeOf(dir)) {
    try {
      await rmdir(one)
    } catch (error) {
      if (systemCode(error) === 'EBUSY') isGone = false
      else if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return isGone
}

/** The same, waiting a second for processes that are just going; what stays is swept at the next start. */
export async function removeSoon(dir: string): Promise<void> {
  for (let attempt = 0; attempt < REMOVE_TRIES; attempt += 1) {
    if (await removeEmpty(dir)) return
    await delay(REMOVE_ROUND_MS)
  }
}
