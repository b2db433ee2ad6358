import type { SigningKey } from '@p2p-playground/core/bundle'
import type { ConfigRequest } from '@p2p-playground/core/config'

/** Whether the daemon.yaml here trusts a key; undefined when there is none. @throws the CONFIG_ codes */
export async function isTrustedHere(
  key: SigningKey,
  request: ConfigRequest,
): Promise<boolean | undefined> {
  const { loadDaemonConfig, loadTrustedKeys } = await import('@p2p-playground/daemon/config')
  const { fingerprintOf } = await import('@p2p-playground/core/bundle')
  const { isLackingDaemon } = await import('@p2p-playground/core/config')
  const loaded = await loadDaemonConfig(request).catch((error: unknown) => {
    if (isLackingDaemon(error)) return undefined
    throw error
  })
  if (loaded === undefined || loaded.files.length === 0) return undefined
  const fingerprint = fingerprintOf(key.spki)
  return loadTrustedKeys(loaded).some((trusted) => trusted.fingerprint === fingerprint)
}

/** Whether the daemon here trusts no key: then it runs, and takes no order from anybody. @throws the CONFIG_ codes */
export async function trustsNobody(request: ConfigRequest): Promise<boolean> {
  const { loadDaemonConfig, loadTrustedKeys } = await import('@p2p-playground/daemon/config')
  return loadTrustedKeys(await loadDaemonConfig(request)).length === 0
}
