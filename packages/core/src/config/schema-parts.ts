import * as v from 'valibot'
import { asPlaygroundError } from '../errors.js'
import { parseBytes } from '../model/bytes.js'
import { formatDuration, parseDurationMs } from '../model/duration.js'

type Parse<Output> = (text: string) => Output

/** A string that `parse` turns into something else; its message becomes the issue. */
function parsed<Output>(
  parse: Parse<Output>,
  input: v.GenericSchema<unknown, string>,
): v.GenericSchema<unknown, Output> {
  return v.pipe(
    input,
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value)
      } catch (error) {
        const { message, hint } = asPlaygroundError(error)
        addIssue({ message: hint === undefined ? message : `${message}. ${hint}` })
        return NEVER
      }
    }),
  )
}

/** `10s`, `5m`, `1h30m` → milliseconds. */
export const duration: v.GenericSchema<unknown, number> = parsed(
  parseDurationMs,
  v.string('must be a duration with a unit: 250ms, 10s, 5m'),
)

/** The same, not shorter than `leastMs`: for what would otherwise go round without a rest. */
export function durationOfAtLeast(leastMs: number): v.GenericSchema<unknown, number> {
  return v.pipe(
    duration,
    v.check((ms) => ms >= leastMs, `must be at least ${formatDuration(leastMs)}`),
  )
}

/** `100Mi`, `10MB`, or a number of bytes → bytes. */
export const byteSize: v.GenericSchema<unknown, number> = v.union([
  v.pipe(v.number(), v.integer(), v.minValue(0)),
  parsed(parseBytes, v.string()),
])

/** No program runs with less; mostly a unit was forgotten. */
export const LEAST_MEMORY_BYTES = 1024 ** 2

/** Memory for an app. */
export const memorySize: v.GenericSchema<unknown, number> = v.pipe(
  byteSize,
  v.check((bytes) => bytes >= LEAST_MEMORY_BYTES, 'must be at least 1Mi (a number alone is bytes)'),
)

/** `"1.0"`, `1`, `"500m"` → cores. */
export const cpuCores: v.GenericSchema<unknown, number> = v.union([
  v.pipe(v.number(), v.minValue(0.001)),
  parsed((text) => {
    const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text)
    const cores = match === null ? NaN : Number(match[1]) / (match[2] === 'm' ? 1000 : 1)
    if (cores > 0) return cores
    throw new Error(`"${text}" is not a number of cores: write "1.0" or "500m"`)
  }, v.string()),
])

/** A point in time in RFC 3339 → milliseconds since the epoch. */
export const timestamp: v.GenericSchema<unknown, number> = parsed((text) => {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : NaN
  if (Number.isNaN(ms)) throw new Error(`"${text}" is not a time: write 2026-01-31T12:00:00Z`)
  return ms
}, v.string())

/** A TCP or UDP port; 0 asks for a free one. */
export const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535))

export const stringMap = v.record(v.string(), v.string())
