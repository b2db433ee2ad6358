import type { Discovery, PeerCandidate, PluginLifecycle } from '@p2p-playground/core'
import { expect } from 'vitest'
import { caseWith, prompt, registerContract, settled, within, without } from './contract-case.js'
import type { ContractCase, ContractHooks } from './contract-case.js'
import { lifecycleCases } from './lifecycle-cases.js'

type Plugin = Discovery & PluginLifecycle

/** What a discovery's test gives the suite. */
export interface DiscoverySetup extends ContractHooks {
  /** A discovery that can find the `expected` peers. */
  readonly create: () => Promise<Plugin> | Plugin
  /** PeerIDs that it must find. It may find others too. */
  readonly expected: readonly string[]
  /** Lets one more peer turn up while the discovery is watched; gives its PeerID. */
  readonly appear?: ((discovery: Discovery) => Promise<string> | string) | undefined
  /** Within what time it finds them, milliseconds; default 10 s. */
  readonly findMs?: number | undefined
}

type CaseMaker = ReturnType<typeof caseWith<Discovery>>

const FIND_MS = 10_000

/** The promises of the Discovery seam, for a test with vitest. */
export function discoveryContract(name: string, setup: DiscoverySetup): void {
  registerContract(`${name} keeps the discovery contract`, discoveryCases(setup))
}

/** The promises of the Discovery seam, one a case. */
export function discoveryCases(setup: DiscoverySetup): ContractCase[] {
  const theCase = caseWith<Discovery>(setup, setup.create)
  return [
    ...findCases(setup, theCase),
    ...watchCases(setup, theCase),
    ...endCases(setup, theCase),
    ...lifecycleCases(setup, setup.create),
  ]
}

function findCases(setup: DiscoverySetup, theCase: CaseMaker): ContractCase[] {
  const { expected, appear } = setup
  return [
    theCase('finds the peers, each with addresses that name it', async (create) => {
      const discovery = await create()
      const found = await findAll(setup, discovery.watch.bind(discovery))
      for (const { peerId, addresses, source } of found) {
        expect(source).toMatch(/\S/)
        for (const address of addresses) expect(address).toMatch(new RegExp(`^/.*/p2p/${peerId}$`))
      }
    }),

    theCase('yields plain data', async (create) => {
      const discovery = await create()
      for (const candidate of await findAll(setup, discovery.watch.bind(discovery))) {
        expect(typeof candidate.peerId).toBe('string')
        expect(JSON.parse(JSON.stringify(candidate))).toEqual(candidate)
      }
    }),

    theCase('loses nothing while the watcher is busy', async (create) => {
      const discovery = await create()
      await findAll(setup, discovery.watch.bind(discovery), { pause: turns })
    }),

    theCase(
      'finds a peer that turns up later',
      async (create) => {
        const discovery = await create()
        let wanted: string | undefined
        const stop = new AbortController()
        const watching = (async () => {
          const seen = new Set<string>()
          for await (const { peerId } of discovery.watch(stop.signal)) {
            seen.add(peerId)
            if (wanted === undefined && expected.every((one) => seen.has(one))) {
              wanted = await appear?.(discovery)
            }
            if (wanted !== undefined && seen.has(wanted)) {
              stop.abort()
              break
            }
          }
          return [...seen]
        })()
        try {
          const seen = await within(findMsOf(setup), 'finding one that turned up', watching)
          expect(seen).toContain(wanted)
        } finally {
          stop.abort()
        }
      },
      without('appear', appear),
    ),
  ]
}

function watchCases(setup: DiscoverySetup, theCase: CaseMaker): ContractCase[] {
  return [
    theCase('can be watched twice at a time', async (create) => {
      const discovery = await create()
      const held = await begin(setup, discovery)
      try {
        await findAll(setup, discovery.watch.bind(discovery))
        await held.rest()
      } finally {
        held.stop.abort()
      }
    }),

    theCase('goes on with one watch when another is aborted', async (create) => {
      const discovery = await create()
      const stop = new AbortController()
      const other = discovery.watch(stop.signal)[Symbol.asyncIterator]()
      const one = await begin(setup, discovery)
      try {
        await within(findMsOf(setup), 'the first peer', other.next())
        stop.abort()
        await prompt(setup, 'the watch that was aborted', drained(other))
        await one.rest()
      } finally {
        stop.abort()
        one.stop.abort()
      }
    }),

    theCase('can be watched again', async (create) => {
      const discovery = await create()
      for (let round = 0; round < 2; round += 1)
        await findAll(setup, discovery.watch.bind(discovery))
    }),

    theCase('keeps instances apart', async (create) => {
      const [one, other] = [await create(), await create()]
      await Promise.all([one, other].map(async (each) => findAll(setup, each.watch.bind(each))))
      await other.close?.()
      await findAll(setup, one.watch.bind(one))
    }),
  ]
}

function endCases(setup: DiscoverySetup, theCase: CaseMaker): ContractCase[] {
  const iterate = (discovery: Discovery, signal: AbortSignal): AsyncIterator<PeerCandidate> =>
    discovery.watch(signal)[Symbol.asyncIterator]()
  return [
    theCase('ends when it is aborted', async (create) => {
      const watch = iterate(await create(), AbortSignal.abort())
      expect(await prompt(setup, 'a watch that was aborted before', watch.next())).toMatchObject({
        done: true,
      })
    }),

    theCase('ends when it is aborted while the next peer is waited for', async (create) => {
      const stop = new AbortController()
      const watch = iterate(await create(), stop.signal)
      const ending = drained(watch)
      await turns()
      stop.abort()
      await prompt(setup, 'a watch that was aborted', ending)
    }),

    theCase('ends when the watcher goes away', async (create) => {
      const stop = new AbortController()
      const watch = iterate(await create(), stop.signal)
      try {
        await within(findMsOf(setup), 'the first peer', watch.next())
        await prompt(setup, 'return', Promise.resolve(watch.return?.()))
        expect(await prompt(setup, 'next', watch.next())).toMatchObject({ done: true })
      } finally {
        stop.abort()
      }
    }),

    theCase('ends a watch that comes after close', async (create) => {
      const discovery = await create()
      await discovery.close?.()
      const stop = new AbortController()
      const ending = drained(iterate(discovery, stop.signal))
      await turns()
      stop.abort()
      await prompt(setup, 'a watch after close', settled(ending))
    }),
  ]
}

function findMsOf({ findMs = FIND_MS }: DiscoverySetup): number {
  return findMs
}

interface Watch {
  /** Aborted when all are found; `watch` has its signal. */
  readonly stop?: AbortController
  /** What the watcher does after each candidate. */
  readonly pause?: () => Promise<void>
  /** What it has found already. */
  readonly before?: readonly PeerCandidate[]
}

/** Watches until all that are expected are found; gives all candidates. @throws naming those that were not */
async function findAll(
  setup: DiscoverySetup,
  watch: Discovery['watch'],
  { stop = new AbortController(), pause, before = [] }: Watch = {},
): Promise<PeerCandidate[]> {
  const found = [...before]
  const missing = (): string[] =>
    setup.expected.filter((one) => !found.some(({ peerId }) => peerId === one))
  const watching = (async () => {
    for await (const candidate of watch(stop.signal)) {
      found.push(candidate)
      if (missing().length === 0) stop.abort()
      if (stop.signal.aborted) return
      await pause?.()
    }
  })()
  const timeout = setTimeout(() => {
    stop.abort()
  }, findMsOf(setup))
  try {
    await within(findMsOf(setup) * 2, 'the end of the watch', watching)
    expect(missing(), 'not found').toEqual([])
    return found
  } finally {
    clearTimeout(timeout)
    stop.abort()
  }
}

/** A watch that goes on, whose first candidate is taken. */
async function begin(
  setup: DiscoverySetup,
  discovery: Discovery,
): Promise<{ readonly stop: AbortController; rest: () => Promise<unknown> }> {
  const stop = new AbortController()
  const watch = discovery.watch(stop.signal)[Symbol.asyncIterator]()
  const first = await within(findMsOf(setup), 'the first peer', watch.next())
  const before = first.done === true ? [] : [first.value]
  const rest = { [Symbol.asyncIterator]: () => watch }
  return { stop, rest: async () => findAll(setup, () => rest, { stop, before }) }
}

/** Takes what comes until the iteration is over. */
async function drained(watch: AsyncIterator<PeerCandidate>): Promise<void> {
  for (let done = false; !done;) done = (await watch.next()).done === true
}

/** Lets what can happen at once happen. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
