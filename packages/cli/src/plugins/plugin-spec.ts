import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { isPackageName } from './package-name.js'

/** Where a plugin is to come from. */
export type PluginSpec =
  | { readonly kind: 'registry'; readonly name: string; readonly range: string }
  | { readonly kind: 'tarball'; readonly path: string }
  /** A URL, or a git repository, as npm writes it. */
  | { readonly kind: 'remote'; readonly spec: string }

const PATH = /^(?:file:|~?\/|\.\.?(?:\/|$))|(?:\.tgz|\.tar\.gz)$/
const REMOTE = /^[^/@\s][^/\s]*\/[^/\s]+$|:/

/**
 * What is typed after `plugins install`: `NAME`, `NAME@RANGE`, the path of a tarball, a URL, `OWNER/REPOSITORY`.
 * @throws PLUGIN_NOT_FOUND when the file is not there, USAGE for a folder or a name that is none
 */
export function parsePluginSpec(text: string, cwd: string): PluginSpec {
  if (PATH.test(text) && !/^(?!file:)[a-z+]+:/.test(text)) return tarballAt(text, cwd)
  const at = text.indexOf('@', 1)
  const name = at === -1 ? text : text.slice(0, at)
  if (isPackageName(name)) {
    return { kind: 'registry', name, range: at === -1 ? 'latest' : text.slice(at + 1) }
  }
  if (REMOTE.test(text)) return { kind: 'remote', spec: text }
  throw new PlaygroundError('USAGE', `"${text}" is no name of an npm package`, {
    hint: 'Give NAME, NAME@VERSION, the path of a tarball, or a URL.',
  })
}

function tarballAt(text: string, cwd: string): PluginSpec {
  const plain = text.replace(/^file:(?:\/\/(?=\/))?/, '')
  const path = plain.startsWith('~/') ? resolve(homedir(), plain.slice(2)) : resolve(cwd, plain)
  if (!existsSync(path)) throw new PlaygroundError('PLUGIN_NOT_FOUND', `there is no file ${path}`)
  if (statSync(path).isDirectory()) {
    throw new PlaygroundError('USAGE', `${path} is a folder, not a tarball`, {
      hint: `Use "p2p-playground plugins link ${text}", or make a tarball of it with "npm pack".`,
    })
  }
  return { kind: 'tarball', path }
}
