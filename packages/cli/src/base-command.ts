import { Command, Flags } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { Control, NodeFailure, NodeSelector } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/home'
import { resolveHome } from '@p2p-playground/core/home'
import type { ConfigRequest } from '@p2p-playground/core/config'

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
}

export const timeoutFlag = Flags.string({
  description: 'Limit of the whole command.',
  default: '60s',
  helpValue: '60s',
})

/** What all commands share: where the home is, JSON, and Control. */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    home: Flags.string({
      description: 'Directory with everything of one identity.',
      env: 'P2P_PLAYGROUND_HOME',
      helpGroup: 'GLOBAL',
    }),
    config: Flags.string({ description: 'Configuration file.', helpGroup: 'GLOBAL' }),
    env: Flags.string({
      description: 'Environment: lays daemon.ENV.yaml over daemon.yaml.',
      helpGroup: 'GLOBAL',
    }),
    json: Flags.boolean({ description: 'Print JSON.', helpGroup: 'GLOBAL' }),
  }

  readonly #interrupt = new AbortController()
  #control: Control | undefined

  /** Aborts at Ctrl-C and SIGTERM. */
  protected get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  protected get home(): Home {
    return resolveHome(process.env)
  }

  protected configRequest(flags: {
    readonly config?: string | undefined
    readonly env?: string | undefined
  }): ConfigRequest {
    return { home: this.home, env: process.env, config: flags.config, environment: flags.env }
  }

  override async init(): Promise<void> {
    await super.init()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        this.#interrupt.abort(new PlaygroundError('CANCELED', 'interrupted'))
      })
    }
  }

  /** The use cases; connected at the first call. */
  protected async control(flags: {
    readonly config?: string | undefined
    readonly env?: string | undefined
  }): Promise<Control> {
    if (this.#control !== undefined) return this.#control
    const [{ createControl }, { loadControllerConfig }, { systemClock }] = await Promise.all([
      import('@p2p-playground/controller'),
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

  /** Errors are printed in one place, see `report`. */
  override async catch(error: Error): Promise<never> {
    return Promise.reject(error)
  }

  protected warning(text: string): void {
    process.stderr.write(`Warning: ${text}\n`)
  }

  protected printJson(value: unknown): void {
    this.log(JSON.stringify(value, null, 2))
  }

  protected selector(flags: {
    readonly node?: readonly string[] | undefined
    readonly nodes?: string | undefined
    readonly labels?: string | undefined
  }): NodeSelector {
    const nodes = [...(flags.node ?? []), ...(flags.nodes?.split(',') ?? [])].map((name) =>
      name.trim(),
    )
    return { nodes: nodes.filter((name) => name !== ''), labels: flags.labels }
  }

  /** Says which nodes failed, and sets the exit code: 3 when others answered, else the failure's own. */
  protected failures(failures: readonly NodeFailure[], answered: number): void {
    const [first] = failures
    if (first === undefined) return
    if (answered === 0)
      throw new PlaygroundError(first.code, `${first.node}: ${first.message}`, {
        hint: first.hint,
        details: { failures },
      })
    for (const failure of failures)
      this.warning(`${failure.node}: ${failure.code}: ${failure.message}`)
    process.exitCode = 3
  }
}

/** A short-lived controller has no log of its own; `P2P_PLAYGROUND_DEBUG=1` shows what it does. */
const debugLogger = makeDebugLogger()

function makeDebugLogger(): import('@p2p-playground/core').Logger {
  const write = (event: string, fields?: object): void => {
    if (process.env['P2P_PLAYGROUND_DEBUG'] === '1')
      process.stderr.write(`${event} ${JSON.stringify(fields ?? {})}\n`)
  }
  return { debug: write, info: write, warn: write, error: write, child: () => debugLogger }
}
