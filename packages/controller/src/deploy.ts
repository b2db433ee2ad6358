import { randomBytes } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { PlaygroundError, formatDuration } from '@p2p-playground/core'
import type { Clock, DeployProgress, DeployRequest } from '@p2p-playground/core'
import type { BundleId, PieceList } from '@p2p-playground/core/bundle'
import type { Host } from '@p2p-playground/p2p'
import { deployProgressFromProto, offerToProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import { callError } from './call-error.js'
import type { Fleet } from './fleet.js'
import { failureOf, nodeOf, requireInfo } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { Machine } from './machine.js'
import type { Turn } from './machine.js'
import { mergeLive } from './merge.js'
import { readPackageAside } from './package-thread.js'

/** A node whose time is up says more about it than we can: it gets so long to say it. */
export const LAST_WORD_MS = 1000
/** What is smaller is sent to every node: there is little to gain. */
const COPY_BYTES = 16 * 1024 * 1024

type CommandInit = Pick<node.Command, 'targetPeerId' | 'nonce' | 'issuedAtMs'>

/** A fresh command for one node. */
export function commandFor(peerId: string, clock: Clock): CommandInit {
  return {
    targetPeerId: peerId,
    nonce: randomBytes(16),
    issuedAtMs: BigInt(Math.round(clock.now())),
  }
}

/** What is left of a limit, and what to call it. `deadlineMs` is monotonic. */
export function limitFor(
  { timeoutMs, deadlineMs }: { readonly timeoutMs: number; readonly deadlineMs: number },
  clock: Clock,
): Pick<node.DeployRequest, 'timeoutMs' | 'limitMs'> {
  const leftMs = Math.max(Math.round(deadlineMs - clock.monotonic()), 1)
  return { timeoutMs: BigInt(leftMs), limitMs: BigInt(Math.round(timeoutMs)) }
}

export interface DeployContext {
  readonly host: Host
  readonly fleet: Fleet
  readonly clock: Clock
}

/** One deployment, for all of its nodes. */
interface Job extends DeployContext {
  readonly request: DeployRequest
  readonly id: BundleId
  readonly list: PieceList
  /** Of the nodes, as far as we can tell. */
  readonly machineOf: (peerId: string) => Machine
  /** Monotonic. */
  readonly deadlineMs: number
  /** Aborts when nobody waits any more. */
  readonly left: AbortSignal
  /** Aborts when the time is up. */
  readonly limit: AbortSignal
}

/**
 * Brings a package to the selected nodes; each node's progress comes as it happens, and ends with `done` or `failed`.
 * @throws BUNDLE_ codes and SIGNATURE_MISSING before any node is asked, NODE_ codes when none is selected, CANCELED
 */
export async function* deploy(
  request: DeployRequest,
  context: DeployContext,
  signal: AbortSignal,
): AsyncGenerator<DeployProgress> {
  const deadlineMs = context.clock.monotonic() + request.timeoutMs
  // Both at once; where both fail, the package is the one to tell of.
  const selecting = context.fleet.select(request.target, signal)
  selecting.catch(() => undefined)
  const { id, signed, list } = await readPackageAside(request.packagePath, signal)
  if (!signed) {
    throw new PlaygroundError('SIGNATURE_MISSING', `${request.packagePath} is not signed`, {
      hint: `Sign it: p2p-playground sign ${request.packagePath}`,
    })
  }
  const nodes = await selecting
  const isCopied = request.localCopy && list.sizeBytes >= COPY_BYTES
  const machineOf = isCopied
    ? machinesOf(context, await realpath(request.packagePath))
    : () => new Machine(context.clock)
  const ended = new AbortController()
  const timeUp = new AbortController()
  const left = AbortSignal.any([signal, ended.signal])
  const waitMs = Math.max(deadlineMs - context.clock.monotonic(), 0) + LAST_WORD_MS
  context.clock.sleep(waitMs, left).then(
    () => {
      timeUp.abort()
    },
    // All nodes had ended before.
    () => undefined,
  )
  const withdraw = context.host.serve.offer(list, request.packagePath)
  const job = { ...context, request, id, list, machineOf, deadlineMs, left, limit: timeUp.signal }
  try {
    yield* mergeLive(nodes.map((one) => deployTo(one, job)))
  } finally {
    ended.abort()
    withdraw()
  }
}

/** The machines of nodes by their addresses: the one that we are on has the package, at `ownPath`. */
function machinesOf({ host, clock }: DeployContext, ownPath: string): Job['machineOf'] {
  const own = new Machine(clock, ownPath)
  const others = new Map<string, Machine>()
  return (peerId) => {
    if (host.isOnThisMachine(peerId)) return own
    const [ip = ''] = host.ipsOf(peerId)
    const machine = others.get(ip) ?? new Machine(clock)
    if (ip !== '') others.set(ip, machine)
    return machine
  }
}

async function* deployTo(one: KnownNode, job: Job): AsyncGenerator<DeployProgress> {
  let last: DeployProgress = {
    ...nodeOf(one),
    phase: 'offer',
    doneBytes: 0,
    totalBytes: job.list.sizeBytes,
    reusedBytes: 0,
    copiedBytes: 0,
    state: null,
    failure: null,
  }
  let turn: Turn | undefined
  try {
    requireInfo(one)
    turn = job.machineOf(one.peerId).join()
    if (turn.mustWait) last = { ...last, phase: 'wait' }
    yield last
    for await (const message of callDeploy(one, job, await turn.begin())) {
      turn.heard(message.storedPath)
      last = { ...last, ...deployProgressFromProto(message) }
      yield last
    }
    if (last.phase !== 'done') {
      throw new PlaygroundError('NODE_UNREACHABLE', 'the node ended the deployment early')
    }
  } catch (error) {
    if (job.left.aborted) throw callError(error)
    const failure = failureOf(one, job.limit.aborted ? timedOut(last, job) : error)
    yield { ...last, phase: 'failed', failure }
  } finally {
    turn?.end()
  }
}

/** `localPath`: where the node finds the package on its machine, which says how directories are called there. Empty: nowhere. */
function callDeploy(
  one: KnownNode,
  job: Job,
  localPath: string,
): AsyncIterable<node.DeployResponse> {
  const { request, clock } = job
  const call = {
    command: commandFor(one.peerId, clock),
    offer: offerToProto(job),
    sources: [job.host.peerId],
    allowDowngrade: request.allowDowngrade,
    wait: request.wait,
    localPath,
    ...limitFor({ timeoutMs: request.timeoutMs, deadlineMs: job.deadlineMs }, clock),
  }
  const signal = AbortSignal.any([job.left, job.limit])
  return job.fleet.client(one.peerId).deploy(call, { signal })
}

function timedOut({ phase }: DeployProgress, { request, id }: Job): PlaygroundError {
  const name = `${id.app}@${id.version}`
  const limit = formatDuration(request.timeoutMs)
  if (phase === 'wait') {
    return new PlaygroundError(
      'APP_WAIT_TIMEOUT',
      `${name} was not ready within ${limit}: no node of its machine had it by then, to be copied from`,
      { hint: 'Give more time with --timeout, or send it to each node with --no-local-copy.' },
    )
  }
  const isHere = phase === 'start' || phase === 'verify'
  return new PlaygroundError(
    'APP_WAIT_TIMEOUT',
    `${name} was not ready within ${limit}: the node is silent since "${phase}"`,
    {
      hint: isHere
        ? 'Look with "p2p-playground app list", or give more time with --timeout.'
        : 'Deploying it again goes on where it was; give more time with --timeout.',
    },
  )
}
