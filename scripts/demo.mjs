// npm run demo: three nodes on this machine, and the whole job on them. Leaves nothing behind.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.mjs'
import { ROOT, stepEnv } from './steps.mjs'

const begun = Date.now()
await build()

const base = mkdtempSync(join(tmpdir(), 'p2p-playground-demo-'))
const homes = ['node-1', 'node-2', 'node-3'].map((name) => ({ name, dir: join(base, name) }))
const [first, ...others] = homes
const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
const worked = Date.now()

/** Set once somebody wants it to end: the command under way is ended too, and what is left is cleaned up. */
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true
    under.forEach((child) => child.kill(signal))
  })
}
const under = new Set()
let deployed = false

try {
  say(
    'Set the first machine up: a signing key, a pre-shared key, and configuration that trusts the key.',
  )
  await p2p(first, ['init', '--name', first.name, ...loopback])
  await p2p(first, ['daemon', 'start'])

  say('Two more machines join with a token, and start.')
  const { token } = JSON.parse(await p2p(first, ['invite', '--json'], { hide: true }))
  for (const home of others) {
    await p2p(home, ['join', token, '--name', home.name, ...loopback], { secret: token })
    await p2p(home, ['daemon', 'start'])
    const status = JSON.parse(await p2p(home, ['daemon', 'status', '--json'], { hide: true }))
    await p2p(first, ['node', 'add', status.addresses[0]])
  }
  await p2p(first, ['node', 'list'])

  say('Pack and sign an application, look at the package, and check it as a node would.')
  const bundle = join(base, 'hello-1.0.0.p2p')
  await p2p(first, ['pack', join(ROOT, 'examples/hello-js'), '--out', bundle])
  await p2p(first, ['verify', bundle])

  say('Bring it to all nodes over libp2p; each verifies it, starts it, and watches its health.')
  deployed = true
  await p2p(first, ['deploy', bundle])
  await p2p(first, ['app', 'list'])

  say('Ask the app itself, then read the logs of all three nodes in one place.')
  for (const app of JSON.parse(await p2p(first, ['app', 'list', '--json'], { hide: true }))) {
    const answer = await fetch(`http://127.0.0.1:${app.ports.web}/`)
    console.log(`  ${app.node}: ${(await answer.text()).trim()}`)
  }
  await p2p(first, ['logs', 'hello', '--tail', '3'])

  say('Stop it everywhere, and remove it.')
  await p2p(first, ['app', 'stop', 'hello'])
  await p2p(first, ['app', 'remove', 'hello'])
  deployed = false
} catch (error) {
  console.error(`\n✘ ${error.message}`)
  process.exitCode = interrupted ? 130 : 1
}
await cleanUp()

const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1)
if (process.exitCode === undefined) {
  console.log(
    `\n✔ demo done in ${seconds(worked)} s (${seconds(begun)} s with installation and build)`,
  )
}
process.exit()

/** Daemons leave apps running when they stop, so the app goes first. */
async function cleanUp() {
  say('Stop the nodes and clean up.')
  const started = homes.filter((home) => existsSync(join(home.dir, 'run', 'daemon.json')))
  const ends = started.map((home) => [home, ['daemon', 'stop']])
  if (deployed) ends.unshift([first, ['app', 'remove', 'hello']])
  for (const [home, args] of ends) {
    try {
      await p2p(home, args, { hide: true, always: true })
    } catch (error) {
      console.error(`${home.name}: ${error.message}`)
      process.exitCode ??= 1
    }
  }
  rmSync(base, { recursive: true, force: true })
}

function say(text) {
  console.log(`\n# ${text}`)
}

/** Runs the CLI as a person on that machine would; shows the command and what it prints. */
function p2p(home, args, { hide = false, secret, always = false } = {}) {
  if (interrupted && !always) return Promise.reject(new Error('interrupted'))
  if (!hide) {
    const shown = args.map((arg) =>
      arg === secret ? 'TOKEN' : arg.replace(`${base}/`, '').replace(`${ROOT}/`, ''),
    )
    console.log(`\n${home.name}$ p2p-playground ${shown.join(' ')}`)
  }
  return new Promise((resolve, reject) => {
    const child = spawn(join(ROOT, 'node_modules/.bin/p2p-playground'), args, {
      env: stepEnv({ P2P_PLAYGROUND_HOME: home.dir }),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own group: Ctrl-C reaches it through us, and not at all once we clean up.
      detached: true,
    })
    // A daemon that is just starting could not be found to be stopped: that takes a second, so it is waited for.
    if (!always && args.join(' ') !== 'daemon start') under.add(child)
    let stdout = ''
    const collect = (chunk) => {
      if (!hide) process.stdout.write(chunk)
    }
    child.stdout.on('data', (chunk) => {
      stdout += chunk
      collect(chunk)
    })
    child.stderr.on('data', collect)
    child.on('error', reject)
    child.on('close', (code) => {
      under.delete(child)
      if (code === 0) resolve(stdout)
      else reject(new Error(`p2p-playground ${args[0]} ended with exit code ${code}`))
    })
  })
}
