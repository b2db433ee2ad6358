import { PlaygroundError } from '@p2p-playground/core'

/** A 64-bit number of the wire as a number. @throws INTERNAL beyond 2^53 */
export function toNumber(value: bigint): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new PlaygroundError(
    'INTERNAL',
    `a node sent the number ${String(value)}, which is out of range`,
  )
}

/** A 64-bit number of the wire, or null where it was left out. @throws INTERNAL beyond 2^53 */
export function optionalNumber(value: bigint | undefined): number | null {
  return value === undefined ? null : toNumber(value)
}

/** A text of the wire as one of the known values. A node of a later version may say others: they must not end the whole answer. */
export function oneOrUnknown<Value extends string>(
  known: readonly Value[],
  text: string,
): Value | 'unknown' {
  return known.find((value) => value === text) ?? 'unknown'
}
