import { isIPv4, isIPv6 } from 'node:net'

const HOSTS: Readonly<Record<string, (host: string) => boolean>> = {
  ip4: isIPv4,
  ip6: (host) => isIPv6(host.replace(/%.*$/, '')),
  dns: isName,
  dns4: isName,
  dns6: isName,
  dnsaddr: isName,
}
const MAX_PORT = 65_535

/**
 * What is wrong with a multiaddr, as far as its beginning and its ports go; undefined when nothing is. The rest is for
 * libp2p to say, which is not loaded where a configuration is only read (https://github.com/multiformats/multiaddr).
 */
export function addressProblem(address: string): string | undefined {
  const [before, protocol = '', host = '', ...rest] = address.split('/')
  if (before !== '' || protocol === '') return 'must be a multiaddr like /ip4/0.0.0.0/tcp/4001'
  if (!Object.hasOwn(HOSTS, protocol)) {
    return `begins with /ip4, /ip6 or /dns, not with /${protocol}: /ip4/0.0.0.0/tcp/4001`
  }
  if (HOSTS[protocol]?.(host) !== true) return `"${host}" is no address of /${protocol}`
  const [transport = '', port = ''] = rest
  if (transport !== 'tcp' && transport !== 'udp') return undefined
  if (/^\d+$/.test(port) && Number(port) <= MAX_PORT) return undefined
  return `"${port}" is no port: ports are 0 to ${String(MAX_PORT)}`
}

function isName(host: string): boolean {
  return host !== ''
}
