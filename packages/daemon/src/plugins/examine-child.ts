// Looks at plugins in a process of its own: one that hangs or crashes takes nothing else with it.
import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import { asPlaygroundError, systemClock } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
import { loadDaemonConfig } from '../config/index.js'
import type { LoadedDaemonConfig } from '../config/index.js'
import { candidates } from './candidates.js'
import type { Candidate } from './candidates.js'
import { examine, unexamined } from './examination.js'
import type { ExamineJob, ExamineMessage } from './examine-messages.js'
import { runningPlugin } from './plugin-scope.js'

/** Where the one who asked listens: what plugins print goes elsewhere. */
const ANSWER_FD = 3

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

const job = JSON.parse(process.argv[2] ?? '{}') as ExamineJob
for (const event of ['unhandledRejection', 'uncaughtException'])
  process.on(event, (error: unknown) => {
    // The daemon survives what a plugin throws where nobody can catch it.
    if (runningPlugin() !== undefined) return
    process.stderr.write(`${inspect(error)}\n`)
    process.exit(1)
  })
const home = resolveHome(process.env)
const { wanted, positionOf, expanded } = await begin()
answer({ kind: 'begun', total: wanted.length })
const { dataDir } = job
for (const [index, { entry, builtIn }] of wanted.entries()) {
  if (index < job.from) continue
  answer({ kind: 'looking', index, examination: unexamined(entry, { positionOf, builtIn }) })
  const request = {
    entries: [entry],
    positionOf,
    expanded,
    searchRoots: home.pluginRoots,
    contextFor: async () => Promise.resolve({ logger: silent, clock: systemClock, dataDir }),
    clock: systemClock,
    limitMs: job.limitMs,
  }
  const examination = await examine(entry, { request, builtIn, schemas: job.schemas })
  answer({ kind: 'found', index, examination })
}
process.exit(0)

async function begin(): Promise<
  Pick<LoadedDaemonConfig, 'positionOf' | 'expanded'> & { readonly wanted: readonly Candidate[] }
> {
  try {
    const request = { home, env: process.env, config: job.config, environment: job.environment }
    const { config, positionOf: where, expanded: texts } = await loadDaemonConfig(request)
    const found = candidates(config.plugins, { roots: home.pluginRoots, only: job.only })
    return { wanted: found, positionOf: where, expanded: texts }
  } catch (error) {
    const { code, message, hint, details } = asPlaygroundError(error)
    answer({ kind: 'failed', error: { code, message, hint, details } })
    process.exit(1)
  }
}

function answer(message: ExamineMessage): void {
  writeSync(ANSWER_FD, `${JSON.stringify(message)}\n`)
}
