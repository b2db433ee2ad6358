import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { Machines } from '../harness/machines.js'
import { npm } from '../harness/registry.js'

/** Plugins that a test makes, below the machines of the test file that imports this. */
export const machines = new Machines()

/** Nothing listens on the port of "discard". */
export const NO_REGISTRY = { npm_config_registry: 'http://127.0.0.1:9/' }
export const PEERS = { peerDependencies: { '@p2p-playground/core': '^0.1.0' } }

export function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** A package with a health checker and a command, whose only need is the core that is on no registry. */
export function checker(
  name: string,
  version: string,
  more: object = PEERS,
  dir = machines.path('packages', `${name.replace('/', '-')}-${version}`),
): string {
  const short = name.slice(name.lastIndexOf('-') + 1)
  const manifest = { name, version, type: 'module', exports: './index.js', ...more }
  const oclif = { commands: './commands' }
  write(join(dir, 'package.json'), JSON.stringify({ ...manifest, oclif }))
  write(
    join(dir, 'index.js'),
    `import { definePlugin } from '@p2p-playground/core'
const schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
export default definePlugin({ kind: 'health-checker', name: '${short}', api: '1.0', config: schema,
  create: () => ({ spec: schema, check: async () => ({ healthy: true, detail: '${version}' }) }) })\n`,
  )
  write(
    join(dir, 'commands', short, 'version.js'),
    `export default class { static async run() { console.log('${short} ${version}') } }`,
  )
  return dir
}

export function git(dir: string, ...args: readonly string[]): void {
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  const { status, stderr, error } = spawnSync('git', [...author, ...args], { cwd: dir })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${error?.message ?? String(stderr)}`)
}

export function commit(dir: string): void {
  git(dir, 'add', '--all')
  git(dir, 'commit', '--quiet', '--message', 'as it is now')
}

export function tarball(dir: string): string {
  const [packed] = JSON.parse(
    JSON.stringify(Object.values(JSON.parse(npm(['pack', '--json'], { cwd: dir })) as object)),
  ) as { filename: string }[]
  return join(dir, packed?.filename ?? '')
}

/** Takes connections, and says nothing. */
export async function silentServer(): Promise<{
  readonly url: string
  readonly close: () => void
}> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${String(port)}/`, close: () => server.close() }
}
