import { revokedFingerprints, trustedKey } from '@p2p-playground/core/bundle'
import type { TrustedKey } from '@p2p-playground/core/bundle'
import { asPlaygroundError, PlaygroundError } from '@p2p-playground/core'
import type { Path } from '@p2p-playground/core/config'
import type { LoadedDaemonConfig } from './config/index.js'

/** The keys of `security.trusted_public_keys`, each checked; an error points at its line. @throws CONFIG_KEY */
export function loadTrustedKeys(loaded: LoadedDaemonConfig): TrustedKey[] {
  return loaded.config.security.trustedPublicKeys.map((entry, index) =>
    atPlace(loaded, ['security', 'trusted_public_keys', index], () => trustedKey(entry)),
  )
}

/** The fingerprints that `security.revoked_keys` means; an error points at its line. @throws CONFIG_KEY */
export function loadRevokedKeys(loaded: LoadedDaemonConfig): string[] {
  return loaded.config.security.revokedKeys.flatMap((entry, index) =>
    atPlace(loaded, ['security', 'revoked_keys', index], () => revokedFingerprints(entry)),
  )
}

function atPlace<T>(loaded: LoadedDaemonConfig, path: Path, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code, message, hint } = asPlaygroundError(error)
    throw new PlaygroundError(code, message, { hint, at: loaded.positionOf(path), cause: error })
  }
}
