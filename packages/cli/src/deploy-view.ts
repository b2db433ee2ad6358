import type { MultiBar, SingleBar } from 'cli-progress'
import type { DeployProgress } from '@p2p-playground/core'
import { formatBytes } from '@p2p-playground/core/bytes'
import { harmless, paintState, table } from './format.js'

interface Shown {
  readonly begunMs: number
  readonly last: DeployProgress
  readonly tookMs: number
}

/** Shows a deployment: a bar per node on a terminal, a line per phase elsewhere; then what became of each. */
export class DeployView {
  readonly #nodes = new Map<string, Shown>()
  readonly #bars: Bars | undefined
  readonly #quiet: boolean

  private constructor(quiet: boolean, bars: Bars | undefined) {
    this.#quiet = quiet
    this.#bars = bars
  }

  static async open(quiet: boolean): Promise<DeployView> {
    return new DeployView(quiet, quiet || !process.stderr.isTTY ? undefined : await Bars.open())
  }

  show(progress: DeployProgress): void {
    const known = this.#nodes.get(progress.peerId)
    const begunMs = known?.begunMs ?? performance.now()
    this.#nodes.set(progress.peerId, {
      begunMs,
      last: progress,
      tookMs: performance.now() - begunMs,
    })
    this.#bars?.show(progress)
    if (this.#quiet || this.#bars !== undefined) return
    const isNew = known?.last.phase !== progress.phase || known.last.state !== progress.state
    if (isNew && progress.phase !== 'done' && progress.phase !== 'failed') {
      process.stderr.write(`${harmless(progress.node)}: ${progress.phase}${detailOf(progress)}\n`)
    }
  }

  close(): void {
    this.#bars?.close()
  }

  results(): { readonly progress: DeployProgress; readonly tookMs: number }[] {
    return [...this.#nodes.values()].map(({ last, tookMs }) => ({ progress: last, tookMs }))
  }

  /** Whether an app runs of which nobody checks that it works: with a health check it would be healthy. */
  get isUnchecked(): boolean {
    return this.results().some(
      ({ progress }) => progress.phase === 'done' && progress.state === 'running',
    )
  }

  async table(): Promise<string> {
    const rows = this.results().map(({ progress, tookMs }) => [
      harmless(progress.node),
      paintState(progress.failure === null ? (progress.state ?? progress.phase) : 'failed'),
      `${(tookMs / 1000).toFixed(1)} s`,
      savedBytes(progress),
      progress.failure === null
        ? ''
        : harmless(`${progress.failure.code}: ${progress.failure.message}`),
    ])
    return table(['NODE', 'STATE', 'TOOK', '', 'REASON'], rows)
  }
}

/** What is to be said of the phase that a node is in. */
function detailOf(progress: DeployProgress): string {
  const { phase, state, totalBytes } = progress
  if (phase === 'wait') return ' for a node of its machine, to copy from it'
  if (phase === 'start') return ` ${state ?? ''}`
  if (phase !== 'transfer') return ''
  const saved = savedBytes(progress)
  return ` ${formatBytes(totalBytes)}${saved === '' ? '' : `, ${saved}`}`
}

/** What need not be sent. */
function savedBytes({ reusedBytes, copiedBytes }: DeployProgress): string {
  return [
    reusedBytes > 0 ? `${formatBytes(reusedBytes)} reused` : '',
    copiedBytes > 0 ? `${formatBytes(copiedBytes)} copied` : '',
  ]
    .filter((one) => one !== '')
    .join(', ')
}

class Bars {
  readonly #multi: MultiBar
  readonly #bars = new Map<string, SingleBar>()

  private constructor(multi: MultiBar) {
    this.#multi = multi
  }

  static async open(): Promise<Bars> {
    const { default: progress } = await import('cli-progress')
    const format = '{node} [{bar}] {percentage}% {phase}'
    return new Bars(new progress.MultiBar({ format, hideCursor: true, clearOnComplete: false }))
  }

  show(progress: DeployProgress): void {
    const bar = this.#bars.get(progress.peerId) ?? this.#multi.create(progress.totalBytes, 0)
    this.#bars.set(progress.peerId, bar)
    const phase = progress.phase === 'start' ? (progress.state ?? 'start') : progress.phase
    bar.update(progress.doneBytes, { node: harmless(progress.node).padEnd(16), phase })
  }

  close(): void {
    this.#multi.stop()
  }
}
