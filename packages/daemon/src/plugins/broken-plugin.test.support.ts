import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ErrorCode } from '@p2p-playground/core'

/** A plugin that is not as it should be, and what must be said of it. */
export interface BrokenPlugin {
  readonly what: string
  /** Body of index.js of the package `broken` 1.2.3, when that is all there is to it. */
  readonly body?: string
  /** Its package.json beside name and version; a text is taken as it is. */
  readonly manifest?: Readonly<Record<string, unknown>> | string
  /** Further files, beneath the directory that holds node_modules. */
  readonly files?: Readonly<Record<string, string>>
  /** From the first entry of `plugins:` on; default `- use: broken`. */
  readonly yaml?: readonly string[]
  /** When it shows; default: when it is loaded. */
  readonly step?: 'load' | 'open'
  readonly code: ErrorCode
  /** The message after its place. */
  readonly message: string | RegExp
  readonly hint: RegExp
  /** Line and column in daemon.yaml; default those of the entry. */
  readonly at?: string
}

/** Of `- use: broken` as the first entry. */
const ENTRY = '2:5'

export const SCHEMA =
  "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }"
export const CHECK = `({ spec: ${SCHEMA}, check: async () => ({ healthy: true }) })`

/** Never ends; a test in the same process is told, and can let time pass. */
export const HANG = '(globalThis.onHang?.(), new Promise(() => {}))'

/** A definition without a fault but for the fields that are given. */
export function definition(fields: Readonly<Record<string, string>> = {}): string {
  const all = {
    "[Symbol.for('p2p-playground.plugin')]": 'true',
    kind: "'health-checker'",
    name: "'broken'",
    api: "'1.0'",
    config: SCHEMA,
    create: `() => ${CHECK}`,
    ...fields,
  }
  const entries = Object.entries(all).map(([key, value]) => `${key}: ${value}`)
  return `{ ${entries.join(', ')} }`
}

/** index.js of a plugin. */
export function plugin(fields: Readonly<Record<string, string>> = {}): string {
  return `export default ${definition(fields)}`
}

/** Whose fault it is, and how to go on without it. */
export const FAULT = /author.*optional: true/

/** Where the tests' own packages are: broken plugins may use valibot. */
const VALIBOT_DIR = join(import.meta.dirname, '../../../../node_modules/valibot')

/** Puts the plugin where `plugins install` would, and gives the text of a daemon.yaml that names it. */
export function installBroken(broken: BrokenPlugin, root: string): string {
  const { body, manifest = {}, files = {} } = broken
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  write('package.json', JSON.stringify({ dependencies: { broken: '1.2.3' } }))
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  symlinkSync(VALIBOT_DIR, join(root, 'node_modules', 'valibot'))
  if (body !== undefined || broken.manifest !== undefined) {
    const base = { name: 'broken', version: '1.2.3', type: 'module', exports: './index.js' }
    const text = typeof manifest === 'string' ? manifest : JSON.stringify({ ...base, ...manifest })
    write('node_modules/broken/package.json', text)
    if (body !== undefined) write('node_modules/broken/index.js', body)
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  const entries = (broken.yaml ?? ['- use: broken']).map((line) => `  ${line}`)
  return ['plugins:', ...entries, ''].join('\n')
}

/** The whole message, for a daemon.yaml at `file`. */
export function messageOf({ message, at = ENTRY }: BrokenPlugin, file: string): RegExp {
  const text =
    typeof message === 'string'
      ? `^${escaped(message)}$`
      : message.source.replaceAll('FILE', escaped(file))
  const place = `${escaped(file)}:${at}: `
  return new RegExp(text.startsWith('^') ? `^${place}${text.slice(1)}` : `^${place}.*${text}`)
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
