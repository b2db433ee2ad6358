import { PlaygroundError, matchesLabels, parseLabelSelector } from '@p2p-playground/core'
import type { NodeSelector } from '@p2p-playground/core'
import { didYouMean } from '@p2p-playground/core/config'
import { nodeOf } from './known-node.js'
import type { KnownNode } from './known-node.js'

const MIN_PREFIX = 6
const GET_ONE =
  'Start one here with "p2p-playground daemon start", add one by its address with "p2p-playground node add", or take this machine into a network with "p2p-playground join". Nodes need the same PSK.'

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
 * The nodes that a selector means, and with them the doubtful ones, whose labels are not known. A name that a live node
 * and dead ones bear means the live one; a PeerID prefix of several means none.
 * @throws NODE_NONE, NODE_NOT_FOUND, USAGE for an ambiguous name
 */
export function requireSelection(nodes: readonly KnownNode[], target: NodeSelector): KnownNode[] {
  const { nodes: names = [], labels } = target
  const named = names.length === 0 ? nodes : names.map((name) => requireNamed(nodes, name))
  const candidates = [...new Set(named)]
  const selected = candidates.filter((one) => isAskedFor(one, { labels }))
  const doubtful =
    labels === undefined ? [] : candidates.filter(({ info }) => info === undefined).map(asDoubtful)
  if (selected.length > 0) return [...selected, ...doubtful]
  if (nodes.length > 0 && labels !== undefined) {
    const doubts = doubtful.map(({ failure }) => `; ${failure.message}`).join('')
    throw new PlaygroundError('NODE_NONE', `no node has the labels ${labels}${doubts}`, {
      hint: 'See what they have with "p2p-playground node list".',
    })
  }
  throw new PlaygroundError('NODE_NONE', 'no node was found', { hint: GET_ONE })
}

function asDoubtful(one: KnownNode): KnownNode & { readonly failure: PlaygroundError } {
  const { code = 'NODE_UNREACHABLE', message = '', hint } = one.failure ?? {}
  const why = code === 'NODE_UNREACHABLE' ? 'it does not answer' : message
  const text = `labels of ${nodeOf(one).node} are not known: ${why}`
  return { ...one, failure: new PlaygroundError(code, text, { hint }), isDoubtful: true }
}

function requireNamed(nodes: readonly KnownNode[], name: string): KnownNode {
  const exact = nodes.filter((one) => one.name === name)
  const up = exact.filter((one) => one.info !== undefined)
  const byName = up.length > 0 ? up : exact
  const matches = byName.length > 0 ? byName : nodes.filter((one) => isNamed(one, name))
  const [only, second] = matches
  if (only === undefined) throw notFound(nodes, name)
  if (second === undefined) return only
  const ids = matches.map((one) => one.peerId).join(', ')
  throw new PlaygroundError('USAGE', `"${name}" means several nodes: ${ids}`, {
    hint: 'Give enough of the PeerID to tell them apart.',
  })
}

function notFound(nodes: readonly KnownNode[], name: string): PlaygroundError {
  const known = nodes.flatMap((one) => one.name ?? []).sort()
  const guess = didYouMean(name, known)
  const list = known.length === 0 ? `No node was found. ${GET_ONE}` : `Known: ${known.join(', ')}.`
  if (nodes.some((one) => one.peerId.startsWith(name))) {
    const text = `there is no node "${name}", and for a PeerID it is too short`
    const hint = `Give ${String(MIN_PREFIX)} characters of a PeerID or more. ${list}`
    return new PlaygroundError('NODE_NOT_FOUND', text, { hint })
  }
  return new PlaygroundError('NODE_NOT_FOUND', `there is no node "${name}"`, {
    hint: guess === undefined ? list : `${guess} ${list}`,
  })
}

/** True when the text is its name, or enough of its PeerID. */
export function isNamed(one: Pick<KnownNode, 'name' | 'peerId'>, name: string): boolean {
  return one.name === name || (name.length >= MIN_PREFIX && one.peerId.startsWith(name))
}
