import { connect } from 'node:net'
import type { HealthResult } from '@p2p-playground/core'

export interface Question {
  readonly host: string
  readonly port: number
  readonly send: string
  readonly expect: string
}

/** More than this is no answer to a question of one line. */
const MAX_ANSWER_CHARS = 64 * 1024

/** Sends one line, and looks whether the answer begins as expected. An app that is not well is a result, not an error. */
export async function ask(question: Question, signal: AbortSignal): Promise<HealthResult> {
  const { promise, resolve } = Promise.withResolvers<HealthResult>()
  const { host, port, send, expect } = question
  let answer = ''
  const sick = (detail: string): void => {
    resolve({ healthy: false, detail })
  }
  const onAbort = (): void => {
    sick('no answer in time')
  }
  const socket = connect({ host, port })
  socket.setEncoding('utf8')
  socket.once('connect', () => socket.write(`${send}\n`))
  socket.on('data', (text: string) => {
    answer += text
    if (answer.startsWith(expect)) resolve({ healthy: true })
    else if (!expect.startsWith(answer) || answer.length > MAX_ANSWER_CHARS) {
      sick(`answered ${JSON.stringify(answer.slice(0, 80))}`)
    }
  })
  socket.once('error', (error) => {
    sick(error.message)
  })
  socket.once('close', () => {
    sick(`hung up after ${JSON.stringify(answer.slice(0, 80))}`)
  })
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}
