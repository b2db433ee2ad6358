import { connect } from 'node:net'
import { errorMessage } from '@p2p-playground/core'
import type { HealthResult } from '@p2p-playground/core'
import type { Target } from './target.js'

export interface Question extends Target {
  readonly auth: { readonly username: string | undefined; readonly password: string } | undefined
}

/** Answers to AUTH and PING are short lines; more than this is no Redis. */
const MAX_ANSWER_CHARS = 4096
const SHOWN_CHARS = 120

/** Sends PING, after AUTH where there is a password, and wants PONG. A server that is not well is a result, not an error. */
export async function ping(question: Question, signal: AbortSignal): Promise<HealthResult> {
  const { promise, resolve } = Promise.withResolvers<HealthResult>()
  const { host, port, auth } = question
  const commands = [...(auth === undefined ? [] : [authCommand(auth)]), ['PING']]
  const sick = (detail: string): void => {
    resolve({ healthy: false, detail })
  }
  const onAbort = (): void => {
    sick('no answer in time')
  }
  const socket = connect({ host, port })
  let answer = ''
  socket.setEncoding('utf8')
  socket.once('connect', () => socket.write(commands.map(encode).join('')))
  socket.on('data', (text: string) => {
    answer += text
    const verdict = judge(answer, commands.length)
    if (verdict !== undefined) resolve(verdict)
  })
  socket.once('error', (error) => {
    sick(errorMessage(error))
  })
  socket.once('close', () => {
    sick('the server hung up')
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

function authCommand({ username, password }: NonNullable<Question['auth']>): string[] {
  return username === undefined ? ['AUTH', password] : ['AUTH', username, password]
}

/** A command as an array of bulk strings (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
function encode(words: readonly string[]): string {
  const bulks = words.map((word) => `$${String(Buffer.byteLength(word))}\r\n${word}\r\n`)
  return `*${String(words.length)}\r\n${bulks.join('')}`
}

/** Undefined while more has to come. */
function judge(answer: string, expected: number): HealthResult | undefined {
  const lines = answer.split('\r\n').slice(0, -1)
  const error = lines.find((line) => !line.startsWith('+'))
  if (error !== undefined) return { healthy: false, detail: shown(error) }
  const last = lines[expected - 1]
  if (last === '+PONG') return { healthy: true }
  if (last !== undefined) return { healthy: false, detail: `PING was answered ${shown(last)}` }
  return answer.length > MAX_ANSWER_CHARS
    ? { healthy: false, detail: 'this is no Redis server' }
    : undefined
}

/** `-NOAUTH Authentication required.`, without its sign and not at any length. */
function shown(line: string): string {
  return line.startsWith('-')
    ? line.slice(1, SHOWN_CHARS)
    : JSON.stringify(line.slice(0, SHOWN_CHARS))
}
