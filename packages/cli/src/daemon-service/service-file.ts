import { readFile, rm } from 'node:fs/promises'
import { writeFileDurably } from '@p2p-playground/core/durable-file'
import { PlaygroundError, errorMessage, systemCode } from '@p2p-playground/core/errors'
import { MARKER } from './service-facts.js'
import type { ServicePlan } from './service-plan.js'

/** What is at a path: nothing, a file that install wrote for some home, or somebody else's. */
export type Found =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'ours'; readonly home: string; readonly text: string }
  | { readonly kind: 'foreign' }

/** Looks at a file that install may have written. @throws NODE_DAEMON_SERVICE when it cannot be read */
export async function lookAt(path: string): Promise<Found> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'nothing' }
    throw refused(path, error)
  }
  const home = /^# Home: (.*)$/m.exec(text)?.[1]
  const isOurs = text.split('\n').slice(0, 2).includes(MARKER)
  return isOurs && home !== undefined ? { kind: 'ours', home, text } : { kind: 'foreign' }
}

/**
 * Writes the file in one step; false when it was the same before.
 * @throws CONFIG_EXISTS for a file that is not ours, or another home's; NODE_DAEMON_SERVICE when it cannot be written
 */
export async function writeService(plan: ServicePlan): Promise<boolean> {
  const found = await lookAt(plan.path)
  if (found.kind === 'foreign') {
    throw new PlaygroundError('CONFIG_EXISTS', `${plan.path} is there and is not ours`, {
      hint: 'Move it away, or give the service another --name.',
    })
  }
  if (found.kind === 'ours' && found.home !== plan.home) {
    throw new PlaygroundError('CONFIG_EXISTS', `${plan.path} is for the home ${found.home}`, {
      hint: 'Give this one another --name.',
    })
  }
  if (found.kind === 'ours' && found.text === plan.text) return false
  try {
    await writeFileDurably(plan.path, plan.text, { mode: plan.mode, dirMode: 0o755 })
  } catch (error) {
    throw refused(plan.path, error)
  }
  return true
}

/** @throws NODE_DAEMON_SERVICE */
export async function removeService(path: string): Promise<void> {
  try {
    await rm(path)
  } catch (error) {
    throw refused(path, error)
  }
}

function refused(path: string, cause: unknown): PlaygroundError {
  return new PlaygroundError('NODE_DAEMON_SERVICE', `${path}: ${errorMessage(cause)}`, {
    hint: 'Run it as the user who may write there, or give another --dir.',
    cause,
  })
}
