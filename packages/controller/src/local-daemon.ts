import { systemCode } from '@p2p-playground/core'
import * as v from 'valibot'
import { parseJson, readIfThere } from './remembered-nodes.js'

const schema = v.object({
  pid: v.number(),
  peerId: v.string(),
  name: v.string(),
  addresses: v.array(v.string()),
  startedAtMs: v.number(),
})

/** What a running daemon leaves for the programs beside it. */
export type LocalDaemon = v.InferOutput<typeof schema>

/** The daemon under the same home; undefined when none runs. */
export async function readLocalDaemon(runFile: string): Promise<LocalDaemon | undefined> {
  const text = await readIfThere(runFile)
  if (text === undefined) return undefined
  const parsed = v.safeParse(schema, parseJson(text))
  return parsed.success && isAlive(parsed.output.pid) ? parsed.output : undefined
}

/** A process of another user counts; that a number was given out again shows when it is dialed. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
