import { PlaygroundError } from '@p2p-playground/core'
import { KNOWN_REFERENCES, REFERENCE } from '@p2p-playground/core/manifest'

export interface ExpansionContext {
  readonly ports: Readonly<Record<string, number>>
  readonly nodeName: string
  readonly nodeLabels: Readonly<Record<string, string>>
  readonly appVersion: string
}

/**
 * Replaces `${port.NAME}`, `${node.name}`, `${node.label.X}` and `${app.version}`; other text stays.
 * @throws APP_REFERENCE for a name that does not exist.
 */
export function expand(text: string, context: ExpansionContext): string {
  return text.replaceAll(REFERENCE, (whole, name: string) => {
    const value = lookUp(name, context)
    if (value === undefined) {
      throw new PlaygroundError(
        'APP_REFERENCE',
        `${whole} in the manifest names nothing on this node`,
        { hint: KNOWN_REFERENCES },
      )
    }
    return value
  })
}

/** `expand` for every text within a JSON value. */
export function expandAll(value: unknown, context: ExpansionContext): unknown {
  if (typeof value === 'string') return expand(value, context)
  if (Array.isArray(value)) return value.map((item) => expandAll(item, context))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expandAll(item, context)]),
    )
  }
  return value
}

function lookUp(name: string, context: ExpansionContext): string | undefined {
  if (name === 'node.name') return context.nodeName
  if (name === 'app.version') return context.appVersion
  if (name.startsWith('port.')) return context.ports[name.slice(5)]?.toString()
  if (name.startsWith('node.label.')) return context.nodeLabels[name.slice(11)]
  return undefined
}
