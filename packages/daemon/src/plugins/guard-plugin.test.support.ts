import { systemClock } from '@p2p-playground/core'

export const identity = { package: '@acme/p2p-x', version: '1.2.0', root: '/x' }
export const about = { identity, name: 'x', shown: '@acme/p2p-x 1.2.0', clock: systemClock }
export const never = new Promise<never>(() => undefined)
export const signal: AbortSignal = new AbortController().signal
