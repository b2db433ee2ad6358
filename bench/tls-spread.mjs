// The limit to compare with: one process sends a file to ten others over TLS 1.3; each hashes it and writes it.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { fileURLToPath, pathToFileURL } from 'node:url'

const SELF = fileURLToPath(import.meta.url)
const WRITE_BYTES = 1024 * 1024

/** Milliseconds from the first connection to the last receipt. */
export async function sendToAll(path, count, base) {
  const key = join(base, 'tls.key')
  const cert = join(base, 'tls.crt')
  const subject = ['-nodes', '-days', '1', '-subj', '/CN=bench', '-keyout', key, '-out', cert]
  spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    ...subject,
  ])
  const receivers = Array.from({ length: count }, (_, index) => join(base, `tls-${index}`))
  const running = receivers.map((out) => start(['receive', key, cert, out]))
  try {
    const ports = await Promise.all(running.map(({ line }) => line))
    const { line } = start(['send', path, cert, ...ports])
    return Number(await line)
  } finally {
    for (const { child } of running) child.kill()
    // Their CPU time is counted once they have ended.
    await Promise.all(running.map(({ ended }) => ended))
    for (const out of receivers) rmSync(out, { force: true })
  }
}

/** A process of this file; `line` is the first line that it prints. */
function start(args) {
  const child = spawn(process.execPath, [SELF, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.trim())
    })
    child.on('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)))
  })
  return { child, line, ended: new Promise((resolve) => child.on('exit', resolve)) }
}

function receive(key, cert, out) {
  const options = { key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.3' }
  const server = createServer({ ...options, allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256')
    const file = createWriteStream(out)
    socket.on('data', (chunk) => {
      hash.update(chunk)
      if (file.write(chunk)) return
      socket.pause()
      file.once('drain', () => socket.resume())
    })
    socket.on('end', () => file.end(() => socket.end(hash.digest('hex'))))
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}

async function send(path, cert, ports) {
  const begun = performance.now()
  const ca = readFileSync(cert)
  const receipts = await Promise.all(ports.map((port) => sendOne(path, ca, Number(port))))
  if (new Set(receipts).size !== 1) throw new Error('the receivers disagree')
  console.log(performance.now() - begun)
}

function sendOne(path, ca, port) {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', ca, servername: 'bench', minVersion: 'TLSv1.3' }
    const socket = connect({
      ...options,
      checkServerIdentity: () => undefined,
      allowHalfOpen: true,
    })
    let receipt = ''
    socket.on('data', (chunk) => (receipt += chunk))
    socket.on('end', () => resolve(receipt))
    socket.on('error', reject)
    socket.once('secureConnect', () => {
      createReadStream(path, { highWaterMark: WRITE_BYTES }).pipe(socket)
    })
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [role, ...args] = process.argv.slice(2)
  if (role === 'receive') receive(...args)
  else await send(args[0], args[1], args.slice(2))
}
