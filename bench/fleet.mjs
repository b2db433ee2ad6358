// Daemons on this machine for a bench, over the executable that users call.
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../scripts/steps.mjs'

const BIN = join(ROOT, 'node_modules/.bin/p2p-playground')

/** Network namespaces of the homes that are hosts of their own. */
const hostOf = new Map()

/**
 * `count` homes in one network with a PSK, a daemon on each; the first one commands. With `network` (of `makeNetwork`) each
 * is a host of its own.
 */
export async function startFleet(count, { listen, mdns = false, network } = {}) {
  const base = mkdtempSync(join(tmpdir(), 'p2p-playground-bench-'))
  const homes = Array.from({ length: count }, (_, index) => join(base, `node-${index + 1}`))
  for (const [index, home] of homes.entries()) hostOf.set(home, network?.hosts[index])
  const setup = (home) => {
    const address = network?.address(homes.indexOf(home)) ?? '127.0.0.1'
    return [
      ...['--name', home.slice(base.length + 1)],
      ...['--listen', listen ?? `/ip4/${address}/tcp/0`],
      ...(mdns ? [] : ['--no-mdns']),
    ]
  }
  const [first, ...others] = homes
  const fleet = { base, homes, first, statuses: [], stop: () => stop(fleet) }
  try {
    await cli(first, ['init', ...setup(first)])
    fleet.statuses.push(await json(first, ['daemon', 'start']))
    const { token } = await json(first, ['invite'])
    for (const home of others) {
      await cli(home, ['join', token, ...setup(home)])
      const status = await json(home, ['daemon', 'start'])
      fleet.statuses.push(status)
      await cli(first, ['node', 'add', status.addresses[0]])
    }
  } catch (error) {
    await stop(fleet)
    throw error
  }
  return fleet
}

/** Runs the executable; gives what it printed. Throws unless it ended well. */
export async function cli(home, args) {
  const child = spawnCli(home, args)
  let stdout = ''
  let all = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    all += chunk
  })
  child.stderr.on('data', (chunk) => (all += chunk))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`p2p-playground ${args.join(' ')}: exit ${code}\n${all}`)
  return stdout
}

export async function json(home, args) {
  return JSON.parse(await cli(home, [...args, '--json']))
}

export function spawnCli(home, args) {
  return spawnOn(hostOf.get(home), [BIN, ...args], {
    env: { ...process.env, P2P_PLAYGROUND_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Starts a program on a host of a network, or on this machine when `host` is undefined. */
export function spawnOn(host, [command, ...args], options) {
  if (host === undefined) return spawn(command, args, options)
  return spawn('ip', ['netns', 'exec', host, command, ...args], options)
}

/**
 * Writes and removes as many bytes as a deployment will. A host that takes back its guest's free memory gives it again page by
 * page, ten times as slowly as the guest writes to it; whoever is measured first would pay that for all.
 */
export function touchMemory(dir, bytes) {
  const path = join(dir, 'touched')
  const file = openSync(path, 'w')
  const chunk = Buffer.alloc(1024 * 1024, 1)
  for (let written = 0; written < bytes; written += chunk.length) writeSync(file, chunk)
  closeSync(file)
  rmSync(path)
}

/** Writes and packs an application; gives the path of the package. */
export async function packApp(fleet, { name, version, script, files = {} }) {
  const dir = join(fleet.base, `${name}-${version}`)
  mkdirSync(join(dir, 'bin'), { recursive: true })
  const manifest = `name: ${name}\nversion: "${version}"\nentrypoint: bin/run\n`
  writeFileSync(join(dir, 'manifest.yaml'), manifest)
  writeFileSync(join(dir, 'bin', 'run'), script, { mode: 0o755 })
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), content)
  }
  const bundle = `${dir}.p2p`
  await cli(fleet.first, ['pack', dir, '--out', bundle])
  rmSync(dir, { recursive: true })
  return bundle
}

/** Removes the apps, stops the daemons, deletes the files. */
async function stop(fleet) {
  try {
    const names = new Set((await json(fleet.first, ['app', 'list'])).map(({ app }) => app))
    for (const name of names) await cli(fleet.first, ['app', 'remove', name])
  } catch (error) {
    console.error(error.message)
  }
  for (const home of fleet.homes) {
    await cli(home, ['daemon', 'stop']).catch((error) => console.error(error.message))
  }
  rmSync(fleet.base, { recursive: true, force: true })
}

/** What the figures were measured on. */
export function machine() {
  const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown'
  const memory = /MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? '0'
  const kernel = spawnSync('uname', ['-sr']).stdout.toString().trim()
  const cores = spawnSync('nproc').stdout.toString().trim()
  const gib = (Number(memory) / 1024 / 1024).toFixed(0)
  return `${cores} cores (${cpu}), ${gib} GiB, ${kernel}, Node ${process.versions.node}`
}
