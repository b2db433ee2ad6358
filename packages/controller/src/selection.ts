import { PlaygroundError, matchesLabels, parseLabelSelector } from '@p2p-playground/core'
import type { NodeSelector } from '@p2p-playground/core'
import { closest } from '@p2p-playground/core/config'
import type { KnownNode } from './fleet.js'

const MIN_PREFIX = 6

/** True when the selector means this node; labels are known only of nodes that answered. */
export function isAskedFor(one: KnownNode, target: NodeSelector): boolean {
  const names = target.nodes ?? []
  if (names.length > 0 && !names.some((name) => isNamed(one, name))) return false
  if (target.labels === undefined) return true
  return one.info !== undefined && matchesLabels(one.info.labels, parseLabelSelector(target.labels))
}

/** The names that none of the nodes has. */
export function missingNames(nodes: readonly KnownNode[], names: readonly string[]): string[] {
  return names.filter((name) => !nodes.some((one) => isNamed(one, name)))
}

/**
 * The nodes that a selector means.
 * @throws NODE_NONE, NODE_NOT_FOUND, USAGE for an ambiguous name
 */
export function requireSelection(nodes: readonly KnownNode[], target: NodeSelector): KnownNode[] {
  const names = target.nodes ?? []
  for (const name of names) requireName(nodes, name)
  const selected = nodes.filter((one) => isAskedFor(one, target))
  if (selected.length > 0) return selected
  if (nodes.length > 0 && target.labels !== undefined) {
    throw new PlaygroundError('NODE_NONE', `no node has the labels ${target.labels}`, {
      hint: 'See what they have with "p2p-playground node list".',
    })
  }
  throw new PlaygroundError('NODE_NONE', 'no node was found', {
    hint: 'Start one here with "p2p-playground daemon start", or add one by address with "p2p-playground node add". Nodes need the same PSK.',
  })
}

function requireName(nodes: readonly KnownNode[], name: string): void {
  const matches = nodes.filter((one) => isNamed(one, name))
  if (matches.length === 1) return
  const known = nodes.flatMap((one) => one.name ?? [])
  if (matches.length > 1) {
    const ids = matches.map((one) => one.peerId).join(', ')
    throw new PlaygroundError('USAGE', `several nodes are called "${name}": ${ids}`, {
      hint: 'Name it by the beginning of its PeerID.',
    })
  }
  const guess = closest(name, known)
  const list = known.length === 0 ? 'No node was found.' : `Known: ${known.join(', ')}.`
  throw new PlaygroundError('NODE_NOT_FOUND', `there is no node "${name}"`, {
    hint: guess === undefined ? list : `Did you mean "${guess}"? ${list}`,
  })
}

function isNamed(one: KnownNode, name: string): boolean {
  return one.name === name || (name.length >= MIN_PREFIX && one.peerId.startsWith(name))
}
