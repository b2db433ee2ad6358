import { PlaygroundError } from '@p2p-playground/core'
import type { JsonValue, RunHandle } from '@p2p-playground/core'
import type { PlaceData, Run } from './confinement.js'
import type { RunRecord } from './exit-record.js'
import { readStat } from './proc.js'

/** What a handle keeps of a run besides the program's own pid. */
export interface RunData extends Run, RunRecord {}

export function toData(run: RunData): RunHandle['data'] {
  return { ...run }
}

/** @throws STATE_CORRUPT when the handle is none of ours */
export function runOf(handle: RunHandle): RunData {
  const { data } = handle
  const wrapperPid = Number(data['wrapperPid'])
  // Handles of earlier versions have only what was needed then.
  const groupPid = Number(data['groupPid'] ?? wrapperPid)
  return {
    runId: textOf(handle, 'runId'),
    runDir: textOf(handle, 'runDir'),
    wrapperPid,
    wrapperStartTicks: numberIn(data['wrapperStartTicks']) ?? startBefore(handle, wrapperPid),
    groupPid,
    groupStartTicks: numberIn(data['groupStartTicks']) ?? startBefore(handle, groupPid),
    helperPids: isList(data['helperPids']) ? data['helperPids'].map(Number) : [],
    memoryLimitBytes: numberIn(data['memoryLimitBytes']) ?? null,
    place: isMap(data['place']) ? data['place'] : {},
  }
}

/** When a process began that was there before the program: one that began later has only got its pid. */
function startBefore({ startTicks }: RunHandle, pid: number): number {
  return Math.min(readStat(pid)?.startTicks ?? 0, startTicks)
}

function textOf(handle: RunHandle, key: string): string {
  const value = handle.data[key]
  if (typeof value === 'string') return value
  throw new PlaygroundError(
    'STATE_CORRUPT',
    `the handle of process ${String(handle.pid)} has no ${key}`,
  )
}

function numberIn(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function isMap(value: JsonValue | undefined): value is PlaceData {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
