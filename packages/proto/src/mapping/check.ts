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

/** A text of the wire as one of the known values. @throws INTERNAL for another */
export function oneOf<Value extends string>(
  known: readonly Value[],
  text: string,
  what: string,
): Value {
  const found = known.find((value) => value === text)
  if (found !== undefined) return found
  throw new PlaygroundError(
    'INTERNAL',
    `a node sent ${what} "${text}", which this version does not know`,
    { hint: 'Use the same version on both sides.' },
  )
}
