/** In the first lines of what install writes; what lacks it is not ours. */
export const MARKER =
  '# Written by "p2p-playground daemon install"; "p2p-playground daemon uninstall" removes it.'

/** What both kinds of file are made of. */
export interface ServiceFacts {
  readonly name: string
  readonly scope: 'system' | 'user'
  /** Says whose daemon it is. */
  readonly home: string
  /** The daemon in the foreground; absolute paths. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Where the script keeps its process id. */
  readonly pidPath: string
}
