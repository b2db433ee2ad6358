// A private sshd on loopback with keys of its own, and rsync through it.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Undefined, with the reason printed, where there is no sshd or rsync. */
export async function startSshd(base) {
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
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(dir, 'host')}`,
    `AuthorizedKeysFile ${join(dir, 'user.pub')}`,
    `PidFile ${join(dir, 'pid')}`,
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'MaxStartups 100',
  ]
  writeFileSync(join(dir, 'config'), `${config.join('\n')}\n`)
  const log = join(dir, 'log')
  const server = spawn('/usr/sbin/sshd', ['-D', '-f', join(dir, 'config'), '-E', log], {
    stdio: 'ignore',
  })
  await listening(port)
  return {
    copyToAll: (path, count) => copyToAll(path, count, { dir, port }),
    stop: () => server.kill('SIGTERM'),
  }
}

async function copyToAll(path, count, { dir, port }) {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR']
  const ssh = ['ssh', '-p', port, '-i', join(dir, 'user'), ...options.flatMap((one) => ['-o', one])]
  const copies = Array.from({ length: count }, async (_, index) => {
    const target = join(dir, `received-${index}`)
    const to = `${userInfo().username}@127.0.0.1:${target}`
    const child = spawn('rsync', ['-a', '-e', ssh.join(' '), path, to], { stdio: 'inherit' })
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

async function listening(port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await delay(25)
  }
  throw new Error('sshd does not listen')
}
