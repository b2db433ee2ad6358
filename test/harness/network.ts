import { spawnSync } from 'node:child_process'

/** Hosts on one Ethernet: network namespaces `10.77.0.1`, `.2`, … on a bridge that lies in a namespace of its own. */
export interface Network {
  readonly hosts: readonly string[]
  /** Address of a host, counted from 0. */
  address(index: number): string
  /** Idempotent. */
  remove(): void
}

/** Why this machine cannot make network namespaces; undefined when it can. */
export function whyNoNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = nameOf('try')
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.error !== undefined) return 'there is no "ip" (Debian package iproute2)'
  if (made.status !== 0) return `no network namespace can be made: ${made.stderr.trim()}`
  ip('netns', 'delete', name)
  return undefined
}

export function makeNetwork(count: number): Network {
  const bridge = nameOf('bridge')
  const hosts = Array.from({ length: count }, (_, index) => nameOf(`host${String(index + 1)}`))
  const address = (index: number): string => `10.77.0.${String(index + 1)}`
  const network = {
    hosts,
    address,
    remove: () => {
      const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
      const known = new Set(stdout.split('\n').map((line) => line.split(' ')[0]))
      const left = [bridge, ...hosts].filter((name) => known.has(name))
      for (const name of left) ip('netns', 'delete', name)
    },
  }
  try {
    ip('netns', 'add', bridge)
    // Without a querier, snooping would drop multicast after a while.
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', bridge, 'link', 'set', 'br0', 'up')
    for (const [index, host] of hosts.entries()) addHost(bridge, host, address(index), index)
  } catch (error) {
    network.remove()
    throw error
  }
  return network
}

function addHost(bridge: string, host: string, address: string, index: number): void {
  const port = `port${String(index + 1)}`
  ip('netns', 'add', host)
  ip('-n', bridge, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host)
  ip('-n', bridge, 'link', 'set', port, 'master', 'br0', 'up')
  ip('-n', host, 'link', 'set', 'lo', 'up')
  ip('-n', host, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', host, 'link', 'set', 'eth0', 'up')
  // Multicast DNS is sent where the default route leads.
  ip('-n', host, 'route', 'add', 'default', 'dev', 'eth0')
}

function nameOf(part: string): string {
  return `p2pp-${String(process.pid)}-${part}`
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
