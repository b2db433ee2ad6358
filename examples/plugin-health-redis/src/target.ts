export interface Target {
  readonly host: string
  readonly port: number
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/

/** Where the server is, or why nobody can be asked. */
export function targetOf(
  spec: { readonly address?: string | undefined; readonly port?: string | undefined },
  ports: Readonly<Record<string, number>>,
  allowedHosts: readonly string[],
): Target | string {
  if (spec.address !== undefined) return parseAddress(spec.address, allowedHosts)
  const names = Object.keys(ports)
  const name = spec.port ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined) return 'the app has not exactly one port: name it, or give "address"'
  const port = ports[name]
  return port === undefined ? `the app has no port "${name}"` : { host: '127.0.0.1', port }
}

function parseAddress(address: string, allowedHosts: readonly string[]): Target | string {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address)
  const [, host, port] = match ?? []
  if (host === undefined || port === undefined) return `"${address}" is not host:port`
  if (!LOOPBACK.test(host) && !allowedHosts.includes(host)) {
    return `"${host}" is not this machine; allow_hosts in daemon.yaml would allow it`
  }
  return { host, port: Number(port) }
}
