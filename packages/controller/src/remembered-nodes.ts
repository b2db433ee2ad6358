import { readFile } from 'node:fs/promises'
import { systemCode } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import { writeFileDurably } from '@p2p-playground/core/durable-file'
import * as v from 'valibot'

/** A node that has answered once, or was added and refused. */
export interface RememberedNode {
  readonly peerId: string
  /** Undefined until it has answered. */
  readonly name?: string | undefined
  /** What it said of itself when it last answered, and what it was added by. */
  readonly addresses: readonly string[]
  /** Addresses that somebody gave for it; kept although the node does not name them (NAT). */
  readonly added?: readonly string[] | undefined
}

const fileSchema = v.array(
  v.object({
    peerId: v.string(),
    name: v.optional(v.string()),
    addresses: v.array(v.string()),
    added: v.optional(v.array(v.string())),
  }),
)

const MAX_ADDRESSES = 16

/** nodes.json of a home. */
export class RememberedNodes {
  readonly #path: string
  readonly #logger: Logger
  #nodes = new Map<string, RememberedNode>()

  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  all(): RememberedNode[] {
    return [...this.#nodes.values()]
  }

  get(peerId: string): RememberedNode | undefined {
    return this.#nodes.get(peerId)
  }

  /** Reads the file; one that is damaged counts as empty, and is written anew by the next `keep`. */
  async load(): Promise<void> {
    const text = await readIfThere(this.#path)
    if (text === undefined) return
    const parsed = v.safeParse(fileSchema, parseJson(text))
    if (parsed.success) this.#nodes = new Map(parsed.output.map((one) => [one.peerId, one]))
    else this.#logger.warn('nodes-file-damaged', { path: this.#path })
  }

  /**
   * Keeps what nodes said of themselves, and writes the file when that is news. A remembered node that did not answer, and whose
   * every address now belongs to another one, is forgotten: it was made anew there. Gives the PeerIDs of those.
   */
  async keep(answered: readonly RememberedNode[]): Promise<string[]> {
    if (!this.#isNews(answered)) return []
    // Another controller of this home may have written meanwhile.
    await this.load()
    const here = new Set(answered.map(({ peerId }) => peerId))
    const forgotten = answered.flatMap((one) => this.#put(one, here))
    await this.#write()
    return forgotten
  }

  /** @param here PeerIDs of nodes that are not forgotten: in networks of their own, they may well have the same addresses. */
  #put(one: RememberedNode, here: ReadonlySet<string>): string[] {
    const added = [...new Set([...(one.added ?? []), ...(this.get(one.peerId)?.added ?? [])])]
    const addresses = [...new Set([...one.addresses, ...added])].slice(0, MAX_ADDRESSES)
    const places = new Set(addresses.map(placeOf))
    const replaced = this.all().filter(
      (other) =>
        !here.has(other.peerId) && other.addresses.every((address) => places.has(placeOf(address))),
    )
    for (const other of replaced) this.#nodes.delete(other.peerId)
    this.#nodes.set(one.peerId, {
      peerId: one.peerId,
      ...(one.name === undefined ? {} : { name: one.name }),
      addresses,
      ...(added.length > 0 ? { added } : {}),
    })
    return replaced.map(({ peerId }) => peerId)
  }

  #isNews(answered: readonly RememberedNode[]): boolean {
    return answered.some((one) => {
      const known = this.get(one.peerId)
      if (known === undefined || known.name !== one.name) return true
      const wanted = new Set([...one.addresses, ...(one.added ?? []), ...(known.added ?? [])])
      return (
        wanted.size !== known.addresses.length ||
        !known.addresses.every((address) => wanted.has(address)) ||
        !(one.added ?? []).every((address) => known.added?.includes(address))
      )
    })
  }

  async #write(): Promise<void> {
    const text = `${JSON.stringify(this.all(), null, 2)}\n`
    await writeFileDurably(this.#path, text, { mode: 0o600, shared: true })
  }
}

/** The address without the PeerID. */
function placeOf(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '')
}

/** The text of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
