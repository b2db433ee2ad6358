import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, formatInstance } from '@p2p-playground/core'
import type {
  HealthResult,
  InstanceRecord,
  MachineSize,
  RunLimits,
  RunSpec,
  Runtime,
} from '@p2p-playground/core'
import { parseAdmittedManifest } from '@p2p-playground/core/manifest'
import type { Manifest } from '@p2p-playground/core/manifest'
import type { Policies } from '@p2p-playground/core/reconcile'
import type { Isolation } from '../isolation/isolation.js'
import type { LogStore } from '../logs/log-store.js'
import { entrypointFor } from './admission.js'
import { asDiskError } from './disk-full.js'
import { expand } from './expand.js'
import type { ExpansionContext } from './expand.js'
import { readHealthSpec } from './health-spec.js'
import type { HealthCheckers } from './health-spec.js'
import type { PackageStore } from './package-store.js'
import { portVariables } from './ports.js'
import { bindCheck } from './prober.js'
import type { ProbePlan } from './prober.js'

export interface NodeTraits {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** `linux-x64` and so on. */
  readonly platform: string
  readonly defaultRuntime: string
  /** For apps that ask for none. */
  readonly defaultLimits: RunLimits
  readonly machine: MachineSize
}

/** Scripts of a package that run before a start and after an end. */
export type HookName = 'pre-start' | 'post-stop'

/** The search path of apps; nothing of the daemon's own environment reaches them. */
const APP_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Turns a record and its manifest into something a runtime can start and a prober can ask. */
export class Launcher {
  readonly #packages: PackageStore
  readonly #logs: LogStore
  readonly #node: NodeTraits
  readonly #runtimes: ReadonlyMap<string, Runtime>
  readonly #checkers: HealthCheckers
  readonly #isolation: Isolation
  /** By digest, which never changes its manifest: the plan asks for all of them at each look, and reading one takes a millisecond. */
  readonly #manifests = new Map<string, Manifest>()

  constructor(options: {
    readonly packages: PackageStore
    readonly logs: LogStore
    readonly node: NodeTraits
    readonly runtimes: ReadonlyMap<string, Runtime>
    readonly healthCheckers: HealthCheckers
    readonly isolation: Isolation
  }) {
    this.#packages = options.packages
    this.#logs = options.logs
    this.#node = options.node
    this.#runtimes = options.runtimes
    this.#checkers = options.healthCheckers
    this.#isolation = options.isolation
  }

  manifestOf(record: InstanceRecord): Manifest {
    const known = this.#manifests.get(record.digest)
    if (known !== undefined) return known
    const file = `${formatInstance(record)}/manifest.yaml`
    const manifest = parseAdmittedManifest(record.manifest, file)
    this.#manifests.set(record.digest, manifest)
    return manifest
  }

  /** Forgets what it knows of all others. */
  keepOnly(digests: ReadonlySet<string>): void {
    for (const digest of this.#manifests.keys())
      if (!digests.has(digest)) this.#manifests.delete(digest)
  }

  /** What the plan needs to know of a version whose package is here. */
  policiesOf(record: InstanceRecord): Policies {
    const { restart, update, healthCheck } = this.manifestOf(record)
    return { restart, update, startPeriodMs: healthCheck?.startPeriodMs ?? 0 }
  }

  hasHealthCheck(record: InstanceRecord): boolean {
    return record.presence === 'present' && this.manifestOf(record).healthCheck !== undefined
  }

  /** The runtime that runs it, or that would. */
  runtimeNameOf(record: InstanceRecord): string {
    return record.handle?.runtime ?? this.manifestOf(record).runtime ?? this.#node.defaultRuntime
  }

  /** @throws RUNTIME_NOT_FOUND */
  runtimeOf(record: InstanceRecord): Runtime {
    const name = this.runtimeNameOf(record)
    const runtime = this.#runtimes.get(name)
    if (runtime !== undefined) return runtime
    throw new PlaygroundError('RUNTIME_NOT_FOUND', `this node has no runtime "${name}"`, {
      hint: 'Name its plugin in daemon.yaml and start the daemon again.',
    })
  }

  /** Opens the instance's log, which hides its secrets. */
  async openLog(record: InstanceRecord): ReturnType<LogStore['open']> {
    const { secrets, env } = this.manifestOf(record)
    const context = this.#context(record, record.ports)
    const texts = secrets.flatMap((name) => {
      const value = env[name]
      return value === undefined ? [] : [expand(value, context)]
    })
    return this.#logs.open(record, { secrets: texts })
  }

  /** Prepares directories and the log of a run; the record has its ports already. @throws APP_START, STATE_DISK */
  async prepare(record: InstanceRecord): Promise<RunSpec> {
    const manifest = this.manifestOf(record)
    const context = this.#context(record, record.ports)
    const program = entrypointFor(manifest, this.#node.platform)
    const args = manifest.args.map((arg) => expand(arg, context))
    const log = await this.openLog(record)
    return this.#specOf(record, { program, args, env: {}, ...log, runDir: 'run' })
  }

  /** The script of a hook, in the package; undefined when there is none. */
  hookOf(record: InstanceRecord, hook: HookName): string | undefined {
    const { scripts } = this.manifestOf(record)
    const named = hook === 'pre-start' ? scripts.preStart : scripts.postStop
    const script = named ?? `scripts/${hook}.sh`
    const exists = existsSync(join(this.#packages.filesDir(record), script))
    return named !== undefined || exists ? script : undefined
  }

  /** A hook runs as the program does, but writes to a file of its own. @throws APP_START, STATE_DISK */
  async prepareHook(record: InstanceRecord, hook: HookName, script: string): Promise<RunSpec> {
    const outputPath = join(this.#packages.versionDir(record), hook, 'output')
    return this.#specOf(record, {
      program: script,
      args: [],
      env: { P2P_PLAYGROUND_HOOK: hook },
      stdoutPath: outputPath,
      stderrPath: outputPath,
      runDir: hook,
    })
  }

  async #specOf(
    record: InstanceRecord,
    run: {
      readonly program: string
      readonly args: readonly string[]
      readonly env: Readonly<Record<string, string>>
      readonly stdoutPath: string
      readonly stderrPath: string
      /** Below the version's directory; made anew. */
      readonly runDir: string
    },
  ): Promise<RunSpec> {
    const manifest = this.manifestOf(record)
    const context = this.#context(record, record.ports)
    const files = this.#packages.filesDir(record)
    const program = join(files, run.program)
    const runDir = join(this.#packages.versionDir(record), run.runDir)
    try {
      await rm(runDir, { recursive: true, force: true })
      await mkdir(runDir, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw asDiskError(error, runDir)
    }
    await this.#makeExecutable(record)
    return {
      instance: formatInstance(record),
      command: [program, ...run.args],
      workDir:
        manifest.workDir === undefined ? files : join(files, expand(manifest.workDir, context)),
      env: { ...this.#environment(manifest, context), ...run.env },
      stdoutPath: run.stdoutPath,
      stderrPath: run.stderrPath,
      runDir,
      rootDir: files,
      limits: limitsOf(manifest, this.#node.defaultLimits),
      ...(await this.#isolation.of(record.app)),
    }
  }

  /**
   * The programs of a package, while its files are the daemon's. What was given to the app's own user is not touched again:
   * it may have become a link to something of the node's.
   */
  async #makeExecutable(record: InstanceRecord): Promise<void> {
    const files = this.#packages.filesDir(record)
    if ((await stat(files)).uid !== process.getuid?.()) return
    const programs = [
      entrypointFor(this.manifestOf(record), this.#node.platform),
      this.hookOf(record, 'pre-start'),
      this.hookOf(record, 'post-stop'),
    ]
    for (const program of programs) {
      if (program !== undefined) await chmod(join(files, program), 0o755)
    }
  }

  /** How to check a running instance, or undefined when its manifest asks for no check. */
  async healthOf(
    record: InstanceRecord,
    pid: number,
  ): Promise<
    { plan: ProbePlan; check: (signal: AbortSignal) => Promise<HealthResult> } | undefined
  > {
    const health = this.manifestOf(record).healthCheck
    if (health === undefined) return undefined
    const context = this.#context(record, record.ports)
    const { checker, spec } = await readHealthSpec(health, this.#checkers, context)
    return { plan: health, check: bindCheck(checker, { spec, pid, ports: record.ports }) }
  }

  #context(record: InstanceRecord, ports: Readonly<Record<string, number>>): ExpansionContext {
    return {
      ports,
      nodeName: this.#node.name,
      nodeLabels: this.#node.labels,
      appVersion: record.version,
    }
  }

  #environment(manifest: Manifest, context: ExpansionContext): Record<string, string> {
    const own = Object.entries(manifest.env).map(([name, value]) => [name, expand(value, context)])
    return {
      PATH: APP_PATH,
      LANG: 'C.UTF-8',
      P2P_PLAYGROUND_NODE: this.#node.name,
      P2P_PLAYGROUND_APP: manifest.name,
      P2P_PLAYGROUND_VERSION: manifest.version,
      ...portVariables(context.ports),
      ...(Object.fromEntries(own) as Record<string, string>),
    }
  }
}

/** What an app is held to: what its manifest asks for, else what daemon.yaml gives to all. */
export function limitsOf(manifest: Manifest, fallback: RunLimits): RunLimits {
  const { cpuCores, memoryBytes, pids } = manifest.resources
  return {
    cpuCores: cpuCores ?? fallback.cpuCores,
    memoryBytes: memoryBytes ?? fallback.memoryBytes,
    pids: pids ?? fallback.pids,
  }
}
