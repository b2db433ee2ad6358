import type { Logger } from '@p2p-playground/core'

/** A short-lived controller has no log of its own; `P2P_PLAYGROUND_DEBUG=1` shows what it does. */
export const debugLogger: Logger = {
  debug: write,
  info: write,
  warn: write,
  error: write,
  child: () => debugLogger,
}

function write(event: string, fields?: object): void {
  if (process.env['P2P_PLAYGROUND_DEBUG'] !== '1') return
  process.stderr.write(`${event} ${JSON.stringify(fields ?? {})}\n`)
}
