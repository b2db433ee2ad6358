import { describe, expect, it } from 'vitest'
import { CommandGuard } from './command-guard.js'

const NOW = 1_000_000_000
const NONCE = new Uint8Array(16).fill(1)

function guard(): CommandGuard {
  const seen = new Set<string>()
  return new CommandGuard({
    store: {
      claimNonce: (nonce) => {
        const fresh = !seen.has(nonce)
        seen.add(nonce)
        return fresh
      },
    },
    clock: { now: () => NOW, monotonic: () => 0, sleep: () => Promise.resolve() },
    self: 'me',
  })
}

function command(patch: object = {}): Parameters<CommandGuard['check']>[0] {
  return {
    $typeName: 'p2pplayground.node.v1.Command',
    targetPeerId: 'me',
    nonce: NONCE,
    issuedAtMs: BigInt(NOW),
    ...patch,
  }
}

describe('CommandGuard', () => {
  it.each([
    ['no command', undefined, 'AUTH_REPLAY'],
    ['a short nonce', command({ nonce: new Uint8Array(8) }), 'AUTH_REPLAY'],
    ['another target', command({ targetPeerId: 'you' }), 'AUTH_TARGET'],
    ['a time six minutes ago', command({ issuedAtMs: BigInt(NOW - 360_000) }), 'AUTH_CLOCK'],
    ['a time six minutes ahead', command({ issuedAtMs: BigInt(NOW + 360_000) }), 'AUTH_CLOCK'],
  ] as const)('refuses %s', (_name, given, code) => {
    expect(() => {
      guard().check(given, 'peer')
    }).toThrow(expect.objectContaining({ code }))
  })

  it('takes a command once, and the same nonce from another peer', () => {
    const one = guard()
    one.check(command(), 'peer')
    expect(() => {
      one.check(command(), 'peer')
    }).toThrow(expect.objectContaining({ code: 'AUTH_REPLAY' }))
    expect(() => {
      one.check(command(), 'other')
    }).not.toThrow()
  })

  it('takes a time four minutes away', () => {
    expect(() => {
      guard().check(command({ issuedAtMs: BigInt(NOW - 240_000) }), 'peer')
    }).not.toThrow()
  })
})
