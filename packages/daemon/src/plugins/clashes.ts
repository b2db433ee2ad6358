import { PlaygroundError, asPlaygroundError, formatPosition } from '@p2p-playground/core'
import type { PluginKind, PluginKinds, SourcePosition } from '@p2p-playground/core'
import { PluginRegistry } from '@p2p-playground/core/plugins'
import type { ExaminedError, Examination } from './examination.js'
import { formatPackage } from './plugin-package.js'

/** A package that daemon.yaml names again; `first` is null when it did not name it before. */
export function namedTwice(use: string, first: SourcePosition | null): PlaygroundError {
  const place = first === null ? '' : `, first at ${formatPosition(first)}`
  return new PlaygroundError('PLUGIN_DUPLICATE', `${use} is named twice${place}`, {
    hint: 'Name each package once; an entry may bring all of its plugins.',
  })
}

/** The same examinations, with an error where one says what another before it says already. */
export function withClashes(examinations: readonly Examination[]): Examination[] {
  const registry = new PluginRegistry()
  const named = new Map<string, Examination>()
  return examinations.map((one) => {
    if (one.named === null && !one.builtIn) return one
    const first = named.get(one.package)
    named.set(one.package, first ?? one)
    if (one.error !== null) return one
    try {
      if (first !== undefined) throw namedTwice(one.package, first.named)
      for (const { kind, name } of one.plugins) register(registry, kind, name, shownOf(one))
      return one
    } catch (error) {
      return { ...one, error: at(asPlaygroundError(error), one.named) }
    }
  })
}

function register(registry: PluginRegistry, kind: PluginKind, name: string, from: string): void {
  // Nobody asks this registry for the plugins, only for the names.
  registry.add(kind, name, {} as PluginKinds[PluginKind], from)
}

function shownOf({ package: name, version }: Examination): string {
  return formatPackage({ name, version: version ?? '' })
}

function at({ code, message, hint }: PlaygroundError, place: SourcePosition | null): ExaminedError {
  const where = place === null ? '' : `${formatPosition(place)}: `
  return { code, message: `${where}${message}`, hint, at: place ?? undefined }
}
