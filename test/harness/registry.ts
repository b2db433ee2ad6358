import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isAlive, kill, until } from './processes.js'

const ROOT = join(import.meta.dirname, '../..')
const VERDACCIO = join(ROOT, 'node_modules/verdaccio/bin/verdaccio')
const NPM = join(ROOT, 'node_modules/npm/bin/npm-cli.js')

export interface RegistryOptions {
  /** Pass on what is not ours to the registry that npm is configured for here. */
  readonly passOn?: boolean
}

/** An npm registry of the test's own, on the loopback; it holds what the test publishes. */
export class Registry {
  readonly url: string
  /** For commands that are to use it, and nothing of the user's own npm configuration. */
  readonly env: {
    readonly npm_config_registry: string
    readonly npm_config_userconfig: string
    readonly npm_config_cache: string
  }
  readonly #child: ChildProcess

  private constructor(base: string, port: number, child: ChildProcess) {
    this.url = `http://127.0.0.1:${String(port)}/`
    this.#child = child
    const userConfig = join(base, 'npmrc')
    // Whoever publishes must have a token; any will do.
    writeFileSync(userConfig, `//127.0.0.1:${String(port)}/:_authToken=anyone\n`)
    this.env = {
      npm_config_registry: this.url,
      npm_config_userconfig: userConfig,
      npm_config_cache: join(base, 'npm-cache'),
    }
  }

  /** Resolves when it answers; its files lie under `base`. */
  static async start(base: string, options: RegistryOptions = {}): Promise<Registry> {
    const dir = join(base, 'registry')
    mkdirSync(dir, { recursive: true })
    const config = join(dir, 'config.yaml')
    writeFileSync(config, configText(dir, options.passOn === true))
    const port = await freePort()
    const args = [VERDACCIO, '--config', config, '--listen', `127.0.0.1:${String(port)}`]
    const child = spawn(process.execPath, args, { cwd: dir, stdio: 'ignore' })
    const registry = new Registry(base, port, child)
    await until('the registry answers', async () => {
      if (child.exitCode !== null) throw new Error(`verdaccio ended with ${String(child.exitCode)}`)
      const ping = await fetch(`${registry.url}-/ping`).catch(() => undefined)
      return ping?.ok === true
    })
    return registry
  }

  /** @throws with what npm said */
  publish(dir: string): void {
    npm(['publish', '--ignore-scripts'], { cwd: dir, env: this.env })
  }

  async stop(): Promise<void> {
    const { pid } = this.#child
    if (pid === undefined) return
    kill(pid)
    await until('the registry is gone', () => !isAlive(pid))
  }
}

/** Runs the npm of the checkout. @throws with what it said */
export function npm(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [NPM, ...args], {
    cwd: options.cwd,
    env: { ...plainEnv(), ...options.env },
    encoding: 'utf8',
  })
  if (status === 0) return stdout
  throw new Error(`npm ${args.join(' ')}: exit ${String(status)}\n${stdout}${stderr}`)
}

/** A test runner tells its children that they are tests, and to use colours. */
function plainEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(VITEST|FORCE_COLOR)/.test(name))
  return { ...Object.fromEntries(kept), NO_COLOR: '1' }
}

function configText(dir: string, passOn: boolean): string {
  const all = '{ access: $all, publish: $all'
  const upstream = passOn ? npm(['config', 'get', 'registry'], { cwd: ROOT }).trim() : ''
  return [
    `storage: ${join(dir, 'storage')}`,
    'log: { type: stdout, format: json, level: fatal }',
    ...(passOn ? [`uplinks: { upstream: { url: ${upstream} } }`] : []),
    'packages:',
    `  '@p2p-playground/*': ${all} }`,
    `  '@acme/*': ${all} }`,
    `  '**': ${all}${passOn ? ', proxy: upstream' : ''} }`,
    '',
  ].join('\n')
}

/** verdaccio wants a number; nobody else takes this one before it does. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
