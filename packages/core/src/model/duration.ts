import { PlaygroundError } from '../errors.js'

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g

/**
 * `10s`, `5m`, `1h30m`, `250ms` as milliseconds.
 * @throws CONFIG_INVALID for anything else, a bare number included, and for what is too long to count
 */
export function parseDurationMs(text: string): number {
  if (!WHOLE.test(text)) {
    throw new PlaygroundError('CONFIG_INVALID', `"${text}" is not a duration`, {
      hint: 'Write a number with a unit: 250ms, 10s, 5m, 1h30m, 7d.',
    })
  }
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART))
    ms += Number(amount) * (UNITS[unit ?? ''] ?? NaN)
  const rounded = Math.round(ms)
  if (!Number.isSafeInteger(rounded))
    throw new PlaygroundError('CONFIG_INVALID', `${text.slice(0, 40)} is too long a duration`)
  return rounded
}

/** Milliseconds in the shortest form of at most two units, as they are written: `1h30m`, `10s`, `1.5s`, `250ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${String(Math.round(ms))}ms`
  const tenths = Math.round(ms / 100)
  if (tenths < 600) return `${String(tenths / 10)}s`
  const parts: string[] = []
  let rest = Math.round(ms / 1000)
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const amount = Math.floor(rest / size)
    if (amount > 0) parts.push(`${String(amount)}${unit}`)
    rest -= amount * size
  }
  return parts.slice(0, 2).join('')
}
