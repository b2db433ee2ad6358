import type { LogFields } from '@p2p-playground/core'

/** What may change how a terminal shows the rest of a line: C0 and C1 controls, line separators, marks of direction. */
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** `TIME LEVEL event key=value …` for people. */
export function readableLine(info: ReadableInfo & { readonly time?: unknown }): string {
  return `${String(info.time)} ${readableText(info)}`
}

/** `LEVEL event key=value …`; a value that is no plain word is quoted, and all is harmless in a terminal. */
export function readableText({ level, message, fields }: ReadableInfo): string {
  const parts = Object.entries((fields ?? {}) as LogFields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${show(value)}`)
  return [level.toUpperCase().padEnd(5), String(message), ...parts]
    .join(' ')
    .replaceAll(UNSAFE, escapeCharacter)
}

interface ReadableInfo {
  readonly level: string
  readonly message: unknown
  readonly fields?: unknown
}

function show(value: LogFields[string]): string {
  const text = String(value)
  return typeof value === 'string' && !/^[^\s"=]+$/.test(text) ? JSON.stringify(text) : text
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
