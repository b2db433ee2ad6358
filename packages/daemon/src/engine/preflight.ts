import { PlaygroundError, asPlaygroundError, formatInstance } from '@p2p-playground/core'
import type { InstanceRecord, RuntimeSupport } from '@p2p-playground/core'
import type { Manifest } from '@p2p-playground/core/manifest'
import type { Isolation } from '../isolation/isolation.js'
import { checkRunnable } from './admission.js'
import type { Lacks } from './admission.js'
import type { HealthCheckers } from './health-spec.js'
import type { Launcher, NodeTraits } from './launcher.js'

/**
 * Whether this node can run a version, asked before anything that runs is ended for it. A version was looked at when it
 * came, but daemon.yaml may have changed since: each daemon looks at all of them when it starts.
 */
export class Preflight {
  readonly #launcher: Pick<Launcher, 'manifestOf'>
  readonly #node: Parameters<typeof checkRunnable>[1]
  /** Of versions that are here and cannot run, by digest. */
  readonly #problems = new Map<string, PlaygroundError>()

  constructor(options: {
    readonly launcher: Pick<Launcher, 'manifestOf'>
    readonly node: NodeTraits
    readonly runtimes: ReadonlyMap<string, unknown>
    readonly healthCheckers: HealthCheckers
    /** What each runtime can do on this machine. */
    readonly supports: ReadonlyMap<string, Pick<RuntimeSupport, 'sandbox' | 'user'>>
    readonly isolation: Pick<Isolation, 'sandbox' | 'changesUser'>
  }) {
    const { launcher, node, runtimes, healthCheckers, supports, isolation } = options
    this.#launcher = launcher
    const required = {
      sandbox: isolation.sandbox === 'required',
      user: isolation.changesUser,
    }
    const lacks: Lacks = (runtime, what) => {
      const support = supports.get(runtime)?.[what]
      if (!required[what] || support?.enforced === true) return undefined
      return support?.why ?? 'it does not say'
    }
    this.#node = { ...node, runtimes: new Set(runtimes.keys()), healthCheckers, lacks }
  }

  /** Of a version that has just come. @throws as `checkRunnable` */
  async admit(digest: string, manifest: Manifest): Promise<void> {
    await checkRunnable(manifest, this.#node)
    this.#problems.delete(digest)
  }

  /** Looks at a version that is here; gives why it cannot run. */
  async look(record: InstanceRecord): Promise<PlaygroundError | undefined> {
    try {
      await this.admit(record.digest, this.#launcher.manifestOf(record))
    } catch (error) {
      this.#problems.set(record.digest, asPlaygroundError(error))
    }
    return this.problemOf(record)
  }

  /** Looks at a version that is about to be started. @throws as `checkRunnable` */
  async require(record: InstanceRecord): Promise<void> {
    const problem = await this.look(record)
    if (problem === undefined) return
    const { code, message, hint } = problem
    const text = `${formatInstance(record)} cannot run here: ${message}`
    throw new PlaygroundError(code, text, { hint, cause: problem })
  }

  /** What the last look found. */
  problemOf({ digest }: Pick<InstanceRecord, 'digest'>): PlaygroundError | undefined {
    return this.#problems.get(digest)
  }

  /** Forgets what it knows of all others. */
  keepOnly(digests: ReadonlySet<string>): void {
    for (const digest of this.#problems.keys())
      if (!digests.has(digest)) this.#problems.delete(digest)
  }
}
