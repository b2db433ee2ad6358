import type { Manifest } from './manifest.js'

/** `${port.web}` and the like. Other text, `${HOME}` too, stays as it is. */
export const REFERENCE = /\$\{([a-z]+(?:\.[A-Za-z0-9_./-]+)?)\}/g

export const KNOWN_REFERENCES =
  'Known are ${port.NAME}, ${node.name}, ${node.label.X} and ${app.version}.'

/** Everything in a manifest whose references a node expands; a JSON value. */
export function expandedParts({ args, env, workDir, healthCheck }: Manifest): unknown {
  return [args, env, workDir ?? null, healthCheck?.spec ?? null]
}

/** The first reference in a manifest that no node could expand; labels are known to the node alone. */
export function unknownReference(manifest: Manifest): string | undefined {
  for (const text of textsIn(expandedParts(manifest))) {
    for (const [whole, name = ''] of text.matchAll(REFERENCE))
      if (!isKnown(name, manifest)) return whole
  }
  return undefined
}

function isKnown(name: string, { ports }: Manifest): boolean {
  if (name === 'node.name' || name === 'app.version') return true
  if (name.startsWith('node.label.')) return true
  return name.startsWith('port.') && Object.hasOwn(ports, name.slice(5))
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) yield* textsIn(item)
}
