import { parentPort, workerData } from 'node:worker_threads'
import { asPlaygroundError } from '@p2p-playground/core/errors'
import { readPackage } from './package-facts.js'
import type { WorkerAnswer } from './package-thread.js'

async function answer(path: string): Promise<WorkerAnswer> {
  try {
    return { facts: await readPackage(path) }
  } catch (error) {
    const { code, message, hint, details } = asPlaygroundError(error)
    return { failure: { code, message, hint, details } }
  }
}

parentPort?.postMessage(await answer((workerData as { readonly path: string }).path))
