import { trustedKey } from '@p2p-playground/core/bundle'
import type { TrustedKey } from '@p2p-playground/core/bundle'
import { asPlaygroundError, PlaygroundError } from '@p2p-playground/core'
import type { LoadedDaemonConfig } from './config/index.js'

/** The keys of `security.trusted_public_keys`, each checked; an error points at its line. @throws CONFIG_KEY */
export function loadTrustedKeys(loaded: LoadedDaemonConfig): TrustedKey[] {
  return loaded.config.security.trustedPublicKeys.map((entry, index) => {
    try {
      return trustedKey(entry)
    } catch (error) {
      const { code, message, hint } = asPlaygroundError(error)
      throw new PlaygroundError(code, message, {
        hint,
        at: loaded.positionOf(['security', 'trusted_public_keys', index]),
        cause: error,
      })
    }
  })
}
