import type { InstanceUsage, NodeInfo, UsageFigure } from '@p2p-playground/core'
import { formatBytes } from '@p2p-playground/core/bytes'
import { paint } from './format.js'

const BARS = '▁▂▃▄▅▆▇█'
const HOUR_MS = 3_600_000
/** Two minutes a bar. */
const COLUMNS = 30

/** What a node uses, one line a resource. */
export function nodeUsageLines({ resources, usage }: NodeInfo): string[] {
  const { cpus, memoryTotalBytes, diskTotalBytes } = resources
  const load = `load ${resources.load1.toFixed(2)}`
  if (usage === null) {
    return [
      `cpu       ${String(cpus)} cores, ${load}`,
      `memory    ${formatBytes(resources.memoryFreeBytes)} free of ${formatBytes(memoryTotalBytes)}`,
      `disk      ${formatBytes(resources.diskFreeBytes)} free of ${formatBytes(diskTotalBytes)}`,
    ]
  }
  const { networkInBytesPerSecond: incoming, networkOutBytesPerSecond: outgoing } = usage
  const bars = barsOf(usage.sampledAtMs)
  const share = (cores: number): string => percent(cores, cpus)
  const memory = `of ${formatBytes(memoryTotalBytes)}`
  const disk = `of ${formatBytes(diskTotalBytes)}`
  return [
    `cpu       ${shown(usage.cpuCores, share, `of ${String(cpus)} cores`)}, ${load}${bars(usage.cpuCores, cpus)}`,
    `memory    ${shown(usage.memoryBytes, bytes, memory)}${bars(usage.memoryBytes, memoryTotalBytes)}`,
    `disk      ${shown(usage.diskBytes, bytes, disk)}${bars(usage.diskBytes, diskTotalBytes)}`,
    `network   in ${shown(incoming, rate)}${bars(incoming)}`,
    `          out ${shown(outgoing, rate)}${bars(outgoing)}`,
  ]
}

/** What an instance used in the last hour, one line a resource. */
export function instanceUsageLines(usage: InstanceUsage): string[] {
  const bars = barsOf(usage.sampledAtMs)
  const { cpuCores, memoryBytes, diskBytes, processes } = usage
  const { networkInBytesPerSecond: incoming, networkOutBytesPerSecond: outgoing } = usage
  return [
    `cpu        ${shown(cpuCores, (cores) => percent(cores, 1), 'of a core')}${bars(cpuCores)}`,
    `memory     ${shown(memoryBytes, bytes)}${bars(memoryBytes)}`,
    `disk       ${shown(diskBytes, bytes)}${bars(diskBytes)}`,
    `processes  ${shown(processes, (count) => String(Math.round(count)))}${bars(processes)}`,
    ...(incoming.average === null
      ? ['network    not measured']
      : [
          `network    in ${shown(incoming, rate)}${bars(incoming)}`,
          `           out ${shown(outgoing, rate)}${bars(outgoing)}`,
        ]),
  ]
}

/** `12 %`; a little is never nothing. */
export function percent(part: number, whole: number): string {
  const value = (part / whole) * 100
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`
}

/** `12 % of 2 cores (average 8 %, peak 97 %)`, or that it is not known. */
function shown(figure: UsageFigure, format: (value: number) => string, of = ''): string {
  const { current, average, peak } = figure
  const now = current === null ? 'not known' : `${format(current)}${of === '' ? '' : ` ${of}`}`
  if (average === null || peak === null) return now
  return `${now} (average ${format(average)}, peak ${format(peak)})`
}

function bytes(value: number): string {
  return formatBytes(Math.round(value))
}

function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`
}

/** Draws a figure behind its numbers, where a person looks. */
function barsOf(sampledAtMs: readonly number[]): (figure: UsageFigure, full?: number) => string {
  return (figure, full) => {
    if (!process.stdout.isTTY) return ''
    const drawn = sparkline(sampledAtMs, figure.samples, full ?? figure.peak ?? 0)
    return drawn === '' ? '' : `  ${paint('cyan', drawn)}`
  }
}

/** The last hour in at most 30 bars, each the peak of two minutes; `full` is the height of the highest bar. */
export function sparkline(
  sampledAtMs: readonly number[],
  samples: readonly (number | null)[],
  full: number,
): string {
  const newestMs = sampledAtMs.at(-1) ?? 0
  const peaks = new Array<number | undefined>(COLUMNS).fill(undefined)
  for (const [index, atMs] of sampledAtMs.entries()) {
    const sample = samples[index] ?? undefined
    const column = COLUMNS - 1 - Math.floor(((newestMs - atMs) * COLUMNS) / HOUR_MS)
    if (sample === undefined || column < 0 || column >= COLUMNS) continue
    peaks[column] = Math.max(peaks[column] ?? 0, sample)
  }
  const bar = (value: number | undefined): string => {
    if (value === undefined) return ' '
    const height = full > 0 ? Math.min(value / full, 1) : 0
    return BARS[Math.min(Math.floor(height * BARS.length), BARS.length - 1)] ?? ' '
  }
  return peaks.map(bar).join('').trim()
}
