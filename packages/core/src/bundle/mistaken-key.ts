import { existsSync } from 'node:fs'
import { PlaygroundError } from '../errors.js'

const PUBLIC = /^-----BEGIN [A-Z ]*PUBLIC KEY-----$/m
const PRIVATE = /^-----BEGIN [A-Z ]*PRIVATE KEY-----$/m

/** The error of a public key where the private one is wanted; undefined when the text is none. */
export function notPublicOne(text: string, from: string): PlaygroundError | undefined {
  if (!PUBLIC.test(text)) return undefined
  const other = from.replace(/\.pub$/, '.key')
  return mistaken(`${from} holds a public key`, 'The private one is wanted', { from, other })
}

/** The error of a private key where the public one is wanted; undefined when the text is none. */
export function notPrivateOne(text: string, from: string): PlaygroundError | undefined {
  if (!PRIVATE.test(text)) return undefined
  const other = from.replace(/\.key$/, '.pub')
  return mistaken(`${from} holds a private key`, 'The public one is wanted', { from, other })
}

/** `other` is where `keygen` wrote the other half. */
function mistaken(
  message: string,
  wanted: string,
  { from, other }: { readonly from: string; readonly other: string },
): PlaygroundError {
  const isThere = other !== from && existsSync(other)
  const hint = isThere ? `${wanted}: ${other}.` : `${wanted}, which "keygen" wrote beside it.`
  return new PlaygroundError('CONFIG_KEY', message, { hint })
}
