import { Command, Flags } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { Control, NodeFailure, NodeSelector } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/home'
import { resolveHome } from '@p2p-playground/core/home'
import type { ConfigRequest } from '@p2p-playground/core/config'
import { debugLogger } from './debug-logger.js'
import { parseDurationFlag } from './duration-flag.js'
import { counted, harmlessText } from './format.js'
import { withGivenHome } from './given-home.js'
import { Interrupt } from './interrupt.js'

/** A limit that only some need; while following, it ends that. */
export const limitFlag = Flags.string({
  description: 'Limit of the whole command: 30s, 5m; default: none.',
  helpValue: '30s',
  helpGroup: 'NODES',
})

/** Flags of commands that speak to several nodes. */
export const nodeFlags = {
  node: Flags.string({
    char: 'n',
    description: 'Only this node (name or PeerID prefix); may be repeated.',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'NODES',
  }),
  nodes: Flags.string({ description: 'Only these nodes: a,b,c.', helpGroup: 'NODES' }),
  labels: Flags.string({
    description: 'Only nodes with these labels: env=test,region!=north.',
    helpGroup: 'NODES',
  }),
  timeout: limitFlag,
}

export const timeoutFlag = Flags.string({
  description: 'Limit of the whole command.',
  default: '60s',
  helpValue: '60s',
})

/** What commands take that have something started; `deploy` and those of `app`. */
export const startFlags = {
  wait: Flags.boolean({
    description: 'Wait until it is healthy (or runs, without a health check).',
    default: true,
    allowNo: true,
  }),
  /** Longer than the trial of a version lasts by default, so that its outcome is told. */
  timeout: Flags.string({
    description: 'Limit of the whole command.',
    default: '2m',
    helpValue: '2m',
  }),
}

export const START_EXITS =
  'Exit codes: 0 ready everywhere, 3 on some, 4 failed and rolled back, 5 not in time, 6 refused, 1 otherwise.'

/** Nodes answer in time themselves; this much later the command ends without them. */
export const GRACE_MS = 5000

/** The flags that say which configuration holds. */
export interface ConfigFlags {
  readonly config?: string | undefined
  readonly env?: string | undefined
}

/** The flags that say which nodes are meant. */
export interface TargetFlags {
  readonly node?: readonly string[] | undefined
  readonly nodes?: string | undefined
  readonly labels?: string | undefined
}

/** ` (and 2 more nodes)`, after what the first of them said. */
export function others(failures: readonly NodeFailure[]): string {
  const more = failures.length - 1
  return more < 1 ? '' : ` (and ${counted(more, 'more node')})`
}

/** What all commands share: where the home is, JSON, and Control. */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    home: Flags.string({
      description: 'Directory with everything of one identity.',
      env: 'P2P_PLAYGROUND_HOME',
      helpGroup: 'GLOBAL',
    }),
    config: Flags.string({
      description: 'Configuration file, or the directory it is in.',
      helpGroup: 'GLOBAL',
    }),
    env: Flags.string({
      description: 'Environment: lays daemon.ENV.yaml over daemon.yaml.',
      helpGroup: 'GLOBAL',
    }),
    json: Flags.boolean({ description: 'Print JSON.', helpGroup: 'GLOBAL' }),
  }

  readonly #interrupt = new Interrupt()
  #control: Control | undefined

  /** Aborts at Ctrl-C, SIGTERM and the end of `limit`. A command that never asks for it is ended by them as usual. */
  protected get signal(): AbortSignal {
    this.#interrupt.listen()
    return this.#interrupt.signal
  }

  /** Gives the command that long; the function it gives lifts the limit. */
  protected limit(timeoutMs: number): () => void {
    return this.#interrupt.limit(timeoutMs)
  }

  protected get home(): Home {
    return resolveHome(process.env)
  }

  protected configRequest(flags: ConfigFlags): ConfigRequest {
    return { home: this.home, env: process.env, config: flags.config, environment: flags.env }
  }

  /** The use cases; connected at the first call. `timeout` limits the whole command from here on. */
  protected async control(
    flags: ConfigFlags & { readonly timeout?: string | undefined },
  ): Promise<Control> {
    if (this.#control !== undefined) return this.#control
    if (flags.timeout !== undefined) this.limit(parseDurationFlag('--timeout', flags.timeout))
    const [{ createControl }, { loadControllerConfig }, { systemClock }] = await Promise.all([
      import('@p2p-playground/controller/bundled'),
      import('@p2p-playground/controller/config'),
      import('@p2p-playground/core'),
    ])
    const { config, warnings } = await loadControllerConfig(this.configRequest(flags))
    for (const warning of warnings) this.warning(warning)
    this.#control = await createControl({
      home: this.home,
      config,
      logger: debugLogger,
      clock: systemClock,
    })
    return this.#control
  }

  override async finally(error: Error | undefined): Promise<void> {
    await this.#control?.close()
    await super.finally(error)
  }

  /** Errors are printed in one place, see `report`. What an abort broke is told by the abort's reason. */
  override async catch(error: Error): Promise<never> {
    const { signal } = this.#interrupt
    return Promise.reject(signal.aborted ? (signal.reason as Error) : error)
  }

  /** `hint` says what to do. */
  protected warning(text: string, hint?: string): void {
    process.stderr.write(`Warning: ${harmlessText(withGivenHome(text))}\n`)
    if (hint !== undefined) process.stderr.write(`${harmlessText(withGivenHome(hint))}\n`)
  }

  /** Of nodes that failed beside others. What is to be done about several is said once, behind the last of them. */
  protected warnOf(failures: readonly NodeFailure[]): void {
    for (const [index, { node, code, message, hint }] of failures.entries()) {
      const isSaidLater = failures.slice(index + 1).some((later) => later.hint === hint)
      this.warning(`${node}: ${code}: ${message}`, isSaidLater ? undefined : hint)
    }
  }

  protected printJson(value: unknown): void {
    this.log(JSON.stringify(value, null, 2))
  }

  /** @throws USAGE for a name that is empty: no name at all would mean every node */
  protected selector(flags: TargetFlags): NodeSelector {
    const nodes = [...(flags.node ?? []), ...(flags.nodes?.split(',') ?? [])].map((name) =>
      name.trim(),
    )
    if (nodes.includes('')) {
      const flag = flags.node?.some((name) => name.trim() === '') === true ? '--node' : '--nodes'
      throw new PlaygroundError('USAGE', `${flag} has an empty name`, {
        hint: 'Write --nodes a,b or --node a; leave both out to mean all nodes.',
      })
    }
    return { nodes, labels: flags.labels }
  }

  /** Says which nodes failed, and sets the exit code: 3 when others answered, else the failure's own. */
  protected failures(failures: readonly NodeFailure[], answered: number): void {
    const [first] = failures
    if (first === undefined) return
    if (answered === 0) {
      this.#interrupt.signal.throwIfAborted()
      throw new PlaygroundError(first.code, `${first.node}: ${first.message}${others(failures)}`, {
        hint: first.hint,
        details: { failures },
      })
    }
    this.warnOf(failures)
    process.exitCode = 3
  }
}
