import { Code, ConnectError } from '@connectrpc/connect'
import { ERROR_TABLE, PlaygroundError, absentApp, isAbsentApp } from '@p2p-playground/core'
import type { ErrorCode } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { fromConnectError, toConnectError } from './error-mapping.js'

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[]

/** What is left of an error on the far side: its code, its message and its details. */
function overTheWire(error: ConnectError): ConnectError {
  const details = error.details.map((detail) =>
    'desc' in detail ? { desc: detail.desc, value: detail.value } : undefined,
  )
  const sent = details.filter((detail) => detail !== undefined)
  return new ConnectError(error.rawMessage, error.code, undefined, sent)
}

describe('errors over the wire', () => {
  it.each(CODES)('%s arrives with its code, message and hint', (code) => {
    const error = new PlaygroundError(code, 'what was wrong', { hint: 'What to do.' })
    const arrived = fromConnectError(overTheWire(toConnectError(error)))
    expect(arrived).toMatchObject({ code, message: 'what was wrong', hint: 'What to do.' })
  })

  it('tells apart who has nothing of an app and who lacks a part of it', () => {
    const arrived = (error: PlaygroundError): PlaygroundError =>
      fromConnectError(overTheWire(toConnectError(error)))
    expect(isAbsentApp(arrived(absentApp('no app here')))).toBe(true)
    expect(isAbsentApp(arrived(new PlaygroundError('APP_NOT_FOUND', 'no 1.0.0 here')))).toBe(false)
  })

  it('speaks the status of the table to those who know only gRPC', () => {
    expect(toConnectError(new PlaygroundError('AUTH_ROLE', '')).code).toBe(Code.PermissionDenied)
    expect(toConnectError(new PlaygroundError('APP_NOT_FOUND', '')).code).toBe(Code.NotFound)
  })

  it('tells others nothing of what broke inside', () => {
    const sent = toConnectError(new TypeError('secret is undefined'))
    expect(sent.rawMessage).not.toContain('secret')
    expect(sent.cause).toBeInstanceOf(TypeError)
    expect(fromConnectError(overTheWire(sent))).toMatchObject({ code: 'INTERNAL', hint: undefined })
  })

  it.each([
    ['a cancelled call', Code.Canceled, 'CANCELED'],
    ['no answer in time', Code.DeadlineExceeded, 'NODE_UNREACHABLE'],
    ['nobody there', Code.Unavailable, 'NODE_UNREACHABLE'],
    ['anything else', Code.DataLoss, 'INTERNAL'],
  ])('%s', (_what, code, expected) => {
    expect(fromConnectError(new ConnectError('?', code))).toMatchObject({ code: expected })
  })

  it('keeps an error of ours as it is', () => {
    const error = new PlaygroundError('USAGE', 'no')
    expect(fromConnectError(error)).toBe(error)
    expect(fromConnectError(ConnectError.from(error))).toBe(error)
  })
})
