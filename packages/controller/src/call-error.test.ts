import { Code, ConnectError } from '@connectrpc/connect'
import { PlaygroundError } from '@p2p-playground/core'
import { toConnectError } from '@p2p-playground/proto'
import { expect, it } from 'vitest'
import { callError } from './call-error.js'

const refusal = new PlaygroundError('AUTH_ROLE', 'no')
const said = (error: ConnectError): ConnectError => Object.assign(error, { isWireError: true })

it.each([
  ['what the node refused', said(toConnectError(refusal)), 'AUTH_ROLE', 'no'],
  ['what we found before it was sent', ConnectError.from(refusal), 'AUTH_ROLE', 'no'],
  ['a failure within the node', said(toConnectError(new Error('disk'))), 'INTERNAL', /its log/],
  [
    'a stream that broke',
    ConnectError.from(new Error('reset')),
    'NODE_UNREACHABLE',
    /broke: reset/,
  ],
  [
    'an answer cut short',
    new ConnectError('no end', Code.InvalidArgument),
    'NODE_UNREACHABLE',
    /end/,
  ],
  [
    'no answer in time',
    new ConnectError('late', Code.DeadlineExceeded),
    'NODE_UNREACHABLE',
    /in time/,
  ],
  ['a call that was cancelled', new ConnectError('', Code.Canceled), 'CANCELED', /cancelled/],
  ['a mistake of ours', new TypeError('x is not a function'), 'INTERNAL', /not a function/],
])('%s', (_what, error, code, message) => {
  expect(callError(error)).toMatchObject({ code })
  expect(callError(error).message).toMatch(message)
})
