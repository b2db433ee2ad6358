import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What becomes of a request: its body goes on, changed or not, or a status comes back, with or without it having gone on. */
export type Passage =
  { readonly body: Buffer } | { readonly status: number; readonly after?: Buffer }

export interface HttpProxy {
  readonly endpoint: string
  close(): Promise<void>
}

/** Stands between a client and a server on loopback, and does not always pass on what it is given. */
export async function startProxy(
  target: string,
  pass: (request: IncomingMessage, body: Buffer) => Passage,
): Promise<HttpProxy> {
  const proxy = createServer((request, response) => {
    const onward = (body: Buffer, answered: (answer: IncomingMessage) => void): void => {
      const { method, headers, url } = request
      const call = forward(new URL(url ?? '', target), { method, headers }, answered)
      // As if there were no proxy: whoever is away is not reached.
      call.on('error', () => response.destroy())
      call.end(body)
    }
    const answer = async (): Promise<void> => {
      const passage = pass(request, await buffer(request))
      if ('body' in passage) {
        onward(passage.body, (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers)
          answer.pipe(response)
        })
      } else if (passage.after === undefined) response.writeHead(passage.status).end()
      else {
        onward(passage.after, (answer) => {
          answer.resume().on('end', () => response.writeHead(passage.status).end())
        })
      }
    }
    // The client has gone away, or was killed.
    answer().catch(() => response.destroy())
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return {
    endpoint: `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`,
    close: async () => {
      proxy.closeAllConnections()
      await once(proxy.close(), 'close')
    },
  }
}
