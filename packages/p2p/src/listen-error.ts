import { PlaygroundError, errorMessage } from '@p2p-playground/core'

/** libp2p tells of each address in a line of text, and the system's code is within it. */
const LINE = /^\s*(\/\S+): (.*)$/m

/** Why a host cannot listen, in one line; what is not about listening stays as it is. */
export function listenError(error: unknown): unknown {
  const [, address, said = ''] = LINE.exec(errorMessage(error)) ?? []
  if (address === undefined) return error
  const { why, hint } = explain(said, /\/(?:tcp|udp)\/(\d+)/.exec(address)?.[1] ?? '')
  return new PlaygroundError('NODE_DAEMON_START', `cannot listen on ${address}: ${why}`, {
    hint,
    cause: error,
  })
}

function explain(said: string, port: string): { readonly why: string; readonly hint: string } {
  if (/EADDRINUSE|address already in use/i.test(said)) {
    const hint = 'See who has it with "ss -ltnp", or change p2p.listen_addresses.'
    return { why: `port ${port} is in use`, hint }
  }
  if (/EADDRNOTAVAIL|cannot assign requested address/i.test(said)) {
    const hint = 'See its own with "ip addr", and change p2p.listen_addresses.'
    return { why: 'this machine has no such address', hint }
  }
  if (/EACCES|permission denied/i.test(said)) {
    const hint = 'Ports below 1024 are for root: change p2p.listen_addresses.'
    return { why: `port ${port} is not for this user`, hint }
  }
  return { why: said, hint: 'Change p2p.listen_addresses.' }
}
