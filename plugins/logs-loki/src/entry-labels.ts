import type { LogEntry } from '@p2p-playground/core'

/** Label names of ours; static labels must be others. */
export const OWN_LABELS = ['node', 'kind', 'app', 'instance', 'stream', 'level', 'late'] as const

/**
 * What makes a line's stream. A stream holds lines of one source only, hence `instance`: with the lines of another life or
 * version in it, those of the older one that ship later would be too far behind, and times could meet.
 */
export function labelsOf(entry: LogEntry): Record<string, string> {
  const about = { node: entry.node, kind: entry.kind, app: entry.app ?? '' }
  switch (entry.kind) {
    case 'app':
      return present({ ...about, instance: entry.instance, stream: entry.stream })
    case 'daemon':
      return present({ ...about, level: entry.level })
    case 'event':
      return present(about)
    default:
      return entry satisfies never
  }
}

/** What else is known of a line. */
export function metadataOf(entry: LogEntry): Record<string, string> {
  const about = { seq: String(entry.seq), version: entry.version ?? '' }
  switch (entry.kind) {
    case 'app':
      return present({ ...about, cut: entry.cut === true ? 'true' : '' })
    case 'daemon':
      return present({ ...about, event: entry.event, ...fieldsOf(entry.fields) })
    case 'event':
      return present({
        ...about,
        type: entry.type,
        code: entry.code ?? '',
        by: entry.by ?? '',
      })
    default:
      return entry satisfies never
  }
}

/** Loki makes the same of such names; the prefix keeps them apart from ours. */
function fieldsOf(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      `field_${name.replace(/\W/g, '_')}`,
      String(value),
    ]),
  )
}

/** To Loki an empty value means that there is none. What is no Unicode text could not be sent. */
function present(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, value.toWellFormed()]),
  )
}
