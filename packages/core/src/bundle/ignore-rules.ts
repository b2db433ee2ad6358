import { relative } from 'node:path'
import type { Ignore, IgnoreRule } from 'ignore'
import { readOwnFile } from './own-file.js'

/** The file at the root of an application that says what stays out of its package, as a .gitignore does. */
export const IGNORE_NAME = '.p2pignore'

/** Decides what of a directory is packed; keeps what it left out, and by which rule. */
export class IgnoreRules {
  readonly #rules: Ignore
  /** Stays out whatever the rules say. */
  readonly #never: ReadonlySet<string>
  readonly #leftOut = new Map<string, IgnoreRule>()

  constructor(rules: Ignore, never: ReadonlySet<string>) {
    this.#rules = rules
    this.#never = never
  }

  /** How many entries the rules left out; a directory is one, with all that is in it. */
  get leftOut(): number {
    return this.#leftOut.size
  }

  /** Is not asked about what lies in a directory that stays out. */
  takes(path: string, isDirectory: boolean): boolean {
    if (this.#never.has(path)) return false
    const { rule } = this.#rules.test(isDirectory ? `${path}/` : path)
    if (rule === undefined) return true
    this.#leftOut.set(path, rule)
    return false
  }

  /** Which rule left out `path`, or a directory on the way to it, as a hint; undefined when none did. */
  explain(path: string): string | undefined {
    const parts = path.split('/')
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const at = parts.slice(0, depth).join('/')
      const rule = this.#leftOut.get(at)
      if (rule === undefined) continue
      const by = rule.mark === undefined ? 'The default' : `${IGNORE_NAME} line ${rule.mark}`
      return `${by} leaves it out ("${rule.pattern.trim()}"); a line "!/${at}" at the end of ${IGNORE_NAME} takes it in.`
    }
    return undefined
  }
}

/**
 * The rules of an application directory.
 * @param own the app's name, and the file that is being written, which may be in the directory
 * @throws BUNDLE_PACK, FILE_ACCESS
 */
export async function readIgnoreRules(
  dir: string,
  own: { readonly app: string; readonly outPath: string },
): Promise<IgnoreRules> {
  const text = (await readOwnFile(dir, IGNORE_NAME)) ?? ''
  // Only here: daemons and most commands never pack.
  const { default: ignore } = await import('ignore')
  const rules = ignore({ ignoreCase: false })
    .add(defaultsOf(own.app))
    .add(text.split('\n').map((pattern, index) => ({ pattern, mark: String(index + 1) })))
  return new IgnoreRules(rules, new Set([IGNORE_NAME, relative(dir, own.outPath)]))
}

/** The history of the sources, and what `pack .` wrote beside the manifest: each package would hold all before it. */
function defaultsOf(app: string): readonly string[] {
  return ['.git', `/${app}-[0-9]*.[0-9]*.[0-9]*.p2p`]
}
