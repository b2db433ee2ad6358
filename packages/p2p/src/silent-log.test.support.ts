import type { Logger } from '@libp2p/interface'

const nothing = (): void => undefined

/** What a stream of libp2p logs to, where a test does not look. */
export const log: Logger = Object.assign(nothing, {
  enabled: false,
  trace: nothing,
  error: nothing,
  newScope: () => log,
})
