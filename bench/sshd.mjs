// Private sshds with keys of their own, and rsync through them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { spawnOn } from './fleet.mjs'

/**
 * One on loopback, or with `network` (of `makeNetwork`) one on each of its hosts. Undefined, with the reason printed, where
 * there is no sshd or rsync.
 */
export async function startSshd(base, network) {
  if (spawnSync('rsync', ['--version']).status !== 0 || spawnSync('/usr/sbin/sshd', ['-V']).error) {
    console.log('rsync over ssh is left out: there is no rsync or no /usr/sbin/sshd\n')
    return undefined
  }
  const dir = join(base, 'ssh')
  mkdirSync(dir, { mode: 0o700 })
  // What its Debian service makes at start.
  if (process.getuid() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  for (const name of ['host', 'user']) {
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)])
  }
  const port = await freePort()
  const places = network?.hosts.map((host, index) => ({
    host,
    address: network.address(index),
  })) ?? [{ host: undefined, address: '127.0.0.1' }]
  const byAddress = new Map(places.map((place) => [place.address, place]))
  const servers = [...byAddress.values()].map((place) => startOne(place, dir, port))
  for (const address of byAddress.keys()) await listening(places[0].host, address, port)
  return {
    copyToAll: (path, count) => copyToAll(path, count, { dir, port, places }),
    pids: servers.map(({ pid }) => pid),
    stop: () => servers.forEach((server) => server.kill('SIGTERM')),
  }
}

function startOne({ host, address }, dir, port) {
  const config = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${join(dir, 'host')}`,
    `AuthorizedKeysFile ${join(dir, 'user.pub')}`,
    `PidFile ${join(dir, `pid-${address}`)}`,
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'MaxStartups 100',
  ]
  const path = join(dir, `config-${address}`)
  writeFileSync(path, `${config.join('\n')}\n`)
  const log = join(dir, `log-${address}`)
  return spawnOn(host, ['/usr/sbin/sshd', '-D', '-f', path, '-E', log], { stdio: 'ignore' })
}

/** From the first place to the last `count`, at once. */
async function copyToAll(path, count, { dir, port, places }) {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR']
  const ssh = ['ssh', '-p', port, '-i', join(dir, 'user'), ...options.flatMap((one) => ['-o', one])]
  const copies = Array.from({ length: count }, async (_, index) => {
    const target = join(dir, `received-${index}`)
    const to = `${userInfo().username}@${places.at(-1 - (index % places.length)).address}:${target}`
    const rsync = ['rsync', '-a', '-e', ssh.join(' '), path, to]
    const child = spawnOn(places[0].host, rsync, { stdio: 'inherit' })
    const code = await new Promise((resolve) => child.on('close', resolve))
    if (code !== 0) throw new Error(`rsync: exit ${code}`)
    return target
  })
  const targets = await Promise.all(copies)
  for (const target of targets) rmSync(target)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** ssh-keyscan looks from inside of the network. */
async function listening(host, address, port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const scan = ['ssh-keyscan', '-T', '1', '-p', String(port), address]
    const code = await new Promise((resolve) =>
      spawnOn(host, scan, { stdio: 'ignore' }).on('close', resolve),
    )
    if (code === 0) return
    await delay(25)
  }
  throw new Error(`sshd does not listen on ${address}`)
}
