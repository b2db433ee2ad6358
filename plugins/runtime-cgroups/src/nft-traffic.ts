import { execFile } from 'node:child_process'
import { relative } from 'node:path'
import { promisify } from 'node:util'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Clock, Enforcement } from '@p2p-playground/core'
import { hasFile } from './cgroup-files.js'

/** nft looks for cgroups below it, wherever they are mounted. */
const CGROUP_FS = '/sys/fs/cgroup'
/** One look answers for all runs of a round. */
const READ_AGAIN_MS = 1000
const LIMIT_MS = 5000
const SETS = ['received', 'sent'] as const

/** Bytes of IP packets, with their headers. */
export interface Traffic {
  readonly networkReceivedBytes: number
  readonly networkSentBytes: number
}

/** Runs nft with these arguments; gives what it prints. @throws Error with what it said */
export type Nft = (args: readonly string[]) => Promise<string>

/**
 * Counts what the runs of one daemon receive and send: a table of nftables with two sets of cgroups (version 2), which have a
 * counter for each. The kernel counts on while no daemon runs.
 */
export class NftTraffic {
  readonly #top: string | undefined
  readonly #table: string
  readonly #clock: Clock
  readonly #nft: Nft
  #support: Promise<Enforcement> | undefined
  #looked:
    { readonly atMs: number; readonly counts: Promise<ReadonlyMap<string, Traffic>> } | undefined

  constructor(options: {
    /** Where cgroup v2 is mounted; undefined when it is not. */
    readonly top: string | undefined
    /** Tells the daemons of a machine apart. */
    readonly node: string
    readonly clock: Clock
    readonly nft?: Nft
  }) {
    this.#top = options.top
    this.#table = `p2p_playground_${options.node}`
    this.#clock = options.clock
    this.#nft = options.nft ?? nft
  }

  /** Whether traffic can be counted here, and why not. */
  async support(): Promise<Enforcement> {
    this.#support ??= this.#probe()
    return this.#support
  }

  /** Begins to count for a cgroup that is there; false when it cannot. */
  async add(dir: string): Promise<boolean> {
    if (!(await this.support()).enforced || this.#top === undefined) return false
    const level = relative(this.#top, dir).split('/').length
    const elements = SETS.map((set) => this.#element('add', set, dir))
    return this.#try([[...this.#setUp(level), ...elements].join('\n')])
  }

  /** Forgets a cgroup, which must still be there. */
  async remove(dir: string): Promise<void> {
    if (!(await this.support()).enforced) return
    await this.#try([SETS.map((set) => this.#element('delete', set, dir)).join('\n')])
  }

  /**
   * What a cgroup that was added and those below it have moved. Undefined when nothing is counted for it, as after an
   * administrator has flushed all rules; it is counted anew from then on.
   */
  async read(dir: string): Promise<Traffic | undefined> {
    if (!(await this.support()).enforced) return undefined
    const atMs = this.#clock.monotonic()
    if (this.#looked === undefined || atMs - this.#looked.atMs >= READ_AGAIN_MS)
      this.#looked = { atMs, counts: this.#list() }
    const traffic = (await this.#looked.counts).get(pathOf(dir))
    if (traffic === undefined) await this.add(dir)
    return traffic
  }

  /** Takes the table away when no cgroup of it is left. */
  async sweep(): Promise<void> {
    if (!(await this.support()).enforced) return
    // nft shows the number of a cgroup that is gone, for want of its path.
    const isGone = (path: string): boolean => /^\d+$/.test(path)
    if ([...(await this.#list()).keys()].every(isGone))
      await this.#try([`delete table inet ${this.#table}`])
  }

  async #probe(): Promise<Enforcement> {
    const not = (why: string): Enforcement => ({ enforced: false, why })
    const top = this.#top
    if (top === undefined) return not('cgroup v2 is not mounted')
    if (pathOf(top).startsWith('..')) return not(`cgroup v2 is not mounted below ${CGROUP_FS}`)
    // Only the real root has no type. Levels count from there, and in a namespace it cannot be seen.
    if (hasFile(top, 'cgroup.type')) return not('this is a container with cgroups of its own')
    try {
      await this.#nft(['--check', this.#setUp(1).join('\n')])
      return { enforced: true, by: 'nftables' }
    } catch (error) {
      return not(errorMessage(error))
    }
  }

  /** Makes what is not there yet; counts stay. */
  #setUp(level: number): string[] {
    const table = `inet ${this.#table}`
    const chains = [
      ['input', 'received'],
      ['output', 'sent'],
    ] as const
    return [
      `add table ${table}`,
      ...chains.flatMap(([hook, set]) => [
        `add set ${table} ${set} { type cgroupsv2; counter; }`,
        `add chain ${table} ${hook} { type filter hook ${hook} priority filter; }`,
        `flush chain ${table} ${hook}`,
        `add rule ${table} ${hook} socket cgroupv2 level ${String(level)} @${set}`,
      ]),
    ]
  }

  #element(verb: 'add' | 'delete', set: string, dir: string): string {
    return `${verb} element inet ${this.#table} ${set} { "${pathOf(dir)}" }`
  }

  async #list(): Promise<ReadonlyMap<string, Traffic>> {
    try {
      return parseTraffic(await this.#nft(['--json', 'list', 'table', 'inet', this.#table]))
    } catch {
      // There is no table before the first run; and what cannot be read is not measured.
      return new Map()
    }
  }

  async #try(args: readonly string[]): Promise<boolean> {
    try {
      await this.#nft(args)
      return true
    } catch {
      // The run matters more than its traffic, which is then shown as not measured.
      return false
    }
  }
}

interface ListedSet {
  readonly name: string
  readonly elem?: readonly {
    readonly elem: { readonly val: string; readonly counter: { readonly bytes: number } }
  }[]
}

/** Cgroups, by their paths, to what they have moved; of a table as nft lists it (libnftables-json(5)). */
export function parseTraffic(json: string): ReadonlyMap<string, Traffic> {
  const { nftables } = JSON.parse(json) as {
    readonly nftables: readonly { readonly set?: ListedSet }[]
  }
  const bytesIn = (name: string): ReadonlyMap<string, number> => {
    const set = nftables.find((one) => one.set?.name === name)?.set
    return new Map(set?.elem?.map(({ elem }) => [elem.val, elem.counter.bytes]))
  }
  const sent = bytesIn('sent')
  const both = [...bytesIn('received')].map(([path, networkReceivedBytes]) => {
    return [path, { networkReceivedBytes, networkSentBytes: sent.get(path) ?? 0 }] as const
  })
  return new Map(both)
}

function pathOf(dir: string): string {
  return relative(CGROUP_FS, dir)
}

async function nft(args: readonly string[]): Promise<string> {
  // A service of a user may have no path to it.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  try {
    return (await promisify(execFile)('nft', args, { env, timeout: LIMIT_MS })).stdout
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new Error('there is no "nft" (Debian package nftables)', { cause: error })
    const said = (error as { readonly stderr?: string }).stderr?.trim().split('\n')[0] ?? ''
    throw new Error(said === '' ? errorMessage(error) : `nft: ${said}`, { cause: error })
  }
}
