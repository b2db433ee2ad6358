import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { untilAborted } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { ErrorCode } from '@p2p-playground/core/errors'
import { readPackage } from './package-facts.js'
import type { PackageFacts } from './package-facts.js'

/** What the thread sends back: errors do not keep their class on the way. */
export type WorkerAnswer =
  | { readonly facts: PackageFacts }
  | {
      readonly failure: {
        readonly code: ErrorCode
        readonly message: string
        readonly hint: string | undefined
        readonly details: Readonly<Record<string, unknown>>
      }
    }

/** A thread takes about as long to start as it takes to read this much. */
const THREAD_BYTES = 16 * 1024 * 1024
/** Only in what the build makes; where it is missing, the package is read here. */
const WORKER = new URL('package-worker.mjs', import.meta.url)

/**
 * `readPackage`, for a large package in a thread of its own: its hashes take as long as finding and dialling the nodes does.
 * @throws the BUNDLE_ codes
 */
export async function readPackageAside(path: string, signal: AbortSignal): Promise<PackageFacts> {
  // The reader says better what is wrong.
  const sizeBytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
  if (sizeBytes < THREAD_BYTES || !existsSync(fileURLToPath(WORKER))) {
    return readPackage(path, signal)
  }
  signal.throwIfAborted()
  const worker = new Worker(WORKER, { workerData: { path } })
  const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>()
  worker.once('message', resolve).once('error', reject)
  worker.once('exit', (code) => {
    reject(new Error(`the thread that read ${path} ended with ${String(code)}`))
  })
  try {
    const answer = await untilAborted(promise, signal)
    if ('facts' in answer) return answer.facts
    const { code, message, hint, details } = answer.failure
    throw new PlaygroundError(code, message, { hint, details })
  } finally {
    await worker.terminate()
  }
}
