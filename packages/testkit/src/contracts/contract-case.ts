import type { PluginLifecycle } from '@p2p-playground/core'
import { describe, it } from 'vitest'

/** One promise of a seam, and how it is tried. It rejects when the promise is broken. */
export interface ContractCase {
  readonly name: string
  /** What the setup lacks to try it. */
  readonly leftOut?: string | undefined
  readonly run: () => Promise<void>
}

/** What the setup of each suite may have besides. */
export interface ContractHooks {
  /** Before each case. */
  readonly setup?: (() => Promise<void> | void) | undefined
  /** After each case, also one that failed. What `create` gave is closed by then. */
  readonly teardown?: (() => Promise<void> | void) | undefined
  /** How long may take what must happen at once, as at an abort; milliseconds, default 5000. */
  readonly promptMs?: number | undefined
}

/** Makes plugins for a case: each is open, and is closed when the case is over. */
export type Create<Plugin> = () => Promise<Plugin & PluginLifecycle>

/** A signal that nobody aborts. */
export const forever: AbortSignal = new AbortController().signal

const PROMPT_MS = 5000
/** Of a case against a far side of the author's: a server may be slow to start. */
const CASE_LIMIT_MS = 60_000

/** Hands the cases to vitest. Those that are left out are listed, and printed with the reason. */
export function registerContract(title: string, cases: readonly ContractCase[]): void {
  describe(title, () => {
    for (const { name, leftOut, run } of cases) {
      if (leftOut === undefined) it(name, async () => run(), CASE_LIMIT_MS)
      else it.skip(`${name} (left out: ${leftOut})`, run)
    }
  })
  for (const { name, leftOut } of cases) {
    if (leftOut !== undefined) process.stderr.write(`${title}: "${name}" is left out: ${leftOut}\n`)
  }
}

/** Why a case is left out that needs the hook `name`; undefined when the setup has it. */
export function without(name: string, hook: unknown): string | undefined {
  return hook === undefined ? `the setup has no "${name}"` : undefined
}

/** Makes cases whose hooks run before and after, and whose plugins are closed at the end, whatever happens. */
export function caseWith<Plugin extends object>(
  hooks: ContractHooks,
  make: () => Promise<Plugin & PluginLifecycle> | (Plugin & PluginLifecycle),
): (
  name: string,
  body: (create: Create<Plugin>) => Promise<void>,
  leftOut?: string,
) => ContractCase {
  return (name, body, leftOut) => ({
    name,
    leftOut,
    run: async () => {
      const made: PluginLifecycle[] = []
      const create: Create<Plugin> = async () => {
        const plugin = await make()
        made.push(plugin)
        await plugin.open?.(forever)
        return plugin
      }
      const close = async (): Promise<void> => {
        for (const plugin of made.reverse()) await plugin.close?.()
      }
      await inOrder([
        async () => {
          await hooks.setup?.()
          await body(create)
        },
        close,
        async () => hooks.teardown?.(),
      ])
    },
  })
}

/** Runs all of them; throws what the first that failed threw. */
export async function inOrder(steps: readonly (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** The result of what must happen at once. @throws when it takes longer than the hooks allow, naming `what` */
export async function prompt<Result>(
  hooks: ContractHooks,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  return within(hooks.promptMs ?? PROMPT_MS, what, work)
}

/** @throws when `work` takes longer than `limitMs`, naming `what` */
export async function within<Result>(
  limitMs: number,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`${what} took longer than ${String(limitMs)} ms`))
  }, limitMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for the end of `work`, good or bad. */
export async function settled(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => undefined,
    () => undefined,
  )
}
