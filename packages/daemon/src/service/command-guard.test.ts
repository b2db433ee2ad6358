import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { CommandGuard } from './command-guard.js'

const NOW = 1_000_000_000
const MINUTE_MS = 60_000
const NONCE = new Uint8Array(16).fill(1)

function guard(): CommandGuard {
  const seen = new Set<string>()
  return new CommandGuard({
    store: {
      claimNonce: ({ nonce }) => {
        if (seen.has(nonce)) return 'known'
        seen.add(nonce)
        return 'new'
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

  it('takes no command that it cannot remember', () => {
    const full = { claimNonce: () => 'full' as const }
    expect(() => {
      new CommandGuard({ store: full, clock: new FakeClock(NOW), self: 'me' }).check(command(), '')
    }).toThrow(expect.objectContaining({ code: 'AUTH_REPLAY' }))
  })

  it('takes a time four minutes away', () => {
    expect(() => {
      guard().check(command({ issuedAtMs: BigInt(NOW - 240_000) }), 'peer')
    }).not.toThrow()
  })
})

describe('when somebody sets the clock', () => {
  let dir: string
  let store: SqliteStateStore
  let clock: FakeClock

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-guard-'))
    store = openStore()
    clock = new FakeClock(NOW)
  })

  afterEach(() => {
    store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const openStore = (): SqliteStateStore =>
    new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n' })

  /** undefined: it is taken. */
  function codeOf(given: ReturnType<typeof command>): unknown {
    try {
      new CommandGuard({ store, clock, self: 'me' }).check(given, 'peer')
      return undefined
    } catch (error) {
      return (error as { readonly code: unknown }).code
    }
  }

  function another(first: number): ReturnType<typeof command> {
    return command({
      nonce: new Uint8Array(16).fill(first),
      issuedAtMs: BigInt(Math.round(clock.now())),
    })
  }

  it('refuses a command a second time after the clock was ahead for a while', async () => {
    expect(codeOf(command())).toBeUndefined()
    clock.setWall(NOW + 60 * MINUTE_MS)
    expect(codeOf(another(2))).toBeUndefined()
    await clock.advance(MINUTE_MS)
    clock.setWall(NOW + MINUTE_MS)
    expect(codeOf(command())).toBe('AUTH_REPLAY')
  })

  it('refuses it after a restart of the daemon and of the machine, too', async () => {
    await clock.advance(30 * MINUTE_MS)
    const given = another(1)
    expect(codeOf(given)).toBeUndefined()
    store.close()
    store = openStore()
    const wallMs = clock.now()
    for (const upMs of [0, 2 * MINUTE_MS]) {
      // As the machine may start: its boot clock at nothing, its wall clock wrong.
      clock = new FakeClock(wallMs + 60 * MINUTE_MS)
      await clock.advance(upMs)
      expect(codeOf(another(2 + upMs / MINUTE_MS))).toBeUndefined()
      clock.setWall(wallMs + MINUTE_MS)
      expect(codeOf(given)).toBe('AUTH_REPLAY')
    }
  })

  it('refuses a command of a time that was ahead once that time comes', async () => {
    clock.setWall(NOW + 60 * MINUTE_MS)
    const given = another(1)
    expect(codeOf(given)).toBeUndefined()
    clock.setWall(NOW)
    await clock.advance(60 * MINUTE_MS)
    expect(codeOf(given)).toBe('AUTH_REPLAY')
  })
})
