import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Server {
  readonly port: number
  close(): Promise<void>
}

export interface Answer {
  readonly pieces: readonly string[]
  readonly hangsUp?: boolean
}

/** Answers as it is told as soon as something comes; without an answer it keeps silent. */
export async function standIn(answer?: Answer): Promise<Server> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    // One that has heard enough hangs up.
    socket.on('error', () => undefined)
    socket.once('data', () => void say(socket, answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function say(
  socket: Socket,
  { pieces, hangsUp = false }: Answer = { pieces: [] },
): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  if (hangsUp) socket.end()
}

async function freePort(): Promise<number> {
  const server = await standIn()
  await server.close()
  return server.port
}

/** How a Redis server is begun here: Debian's redis-tools has the same program under another name. */
const PROGRAM = ['redis-server', 'redis-check-rdb'].find(
  (name) => spawnSync('which', [name]).status === 0,
)

export const hasRedis = PROGRAM !== undefined

export interface Redis extends Server {
  /** It answers nothing meanwhile. */
  silent(work: () => Promise<void>): Promise<void>
}

/** A real server that wants a password. */
export async function redis(password: string): Promise<Redis> {
  const dir = mkdtempSync(join(tmpdir(), 'p2p-health-redis-'))
  const port = await freePort()
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
  const child = spawn(PROGRAM ?? '', [...where, '--save', '', '--requirepass', password], {
    argv0: 'redis-server',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const text of child.stdout) {
    if (String(text).includes('Ready to accept connections')) break
  }
  return {
    port,
    silent: async (work) => {
      child.kill('SIGSTOP')
      try {
        await work()
      } finally {
        child.kill('SIGCONT')
      }
    },
    close: async () => {
      if (child.exitCode === null) {
        child.kill()
        await once(child, 'exit')
      }
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
