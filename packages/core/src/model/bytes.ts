import { PlaygroundError } from '../errors.js'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 1e3,
  KB: 1e3,
  M: 1e6,
  MB: 1e6,
  G: 1e9,
  GB: 1e9,
  T: 1e12,
  TB: 1e12,
  Ki: 1024,
  KiB: 1024,
  Mi: 1024 ** 2,
  MiB: 1024 ** 2,
  Gi: 1024 ** 3,
  GiB: 1024 ** 3,
  Ti: 1024 ** 4,
  TiB: 1024 ** 4,
}
const SIZE = /^(\d+(?:\.\d+)?)\s?([KMGT]i?B?|B)?$/

/**
 * `100Mi`, `1Gi`, `10MB`, `512` as bytes.
 * @throws CONFIG_INVALID for anything else.
 */
export function parseBytes(text: string): number {
  const match = SIZE.exec(text)
  const factor = UNITS[match?.[2] ?? '']
  if (match === null || factor === undefined) {
    throw new PlaygroundError('CONFIG_INVALID', `"${text}" is not a size`, {
      hint: 'Write a number with a unit: 512Ki, 100Mi, 1Gi, 10MB.',
    })
  }
  return Math.round(Number(match[1]) * factor)
}

/** Bytes in binary units with one decimal: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}
