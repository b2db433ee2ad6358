import type { SigningKey } from '@p2p-playground/core/bundle'
import type { ConfigRequest } from '@p2p-playground/core/config'

/**
 * The key that `--key` names, or the controller's own; undefined when there is none and none is named.
 * @throws the CONFIG_ codes
 */
export async function findSigningKey(
  named: string | undefined,
  request: ConfigRequest,
): Promise<SigningKey | undefined> {
  if (named !== undefined) {
    const { loadSigningKey } = await import('@p2p-playground/core/bundle')
    return loadSigningKey(named)
  }
  const { loadControllerConfig, loadControllerKey } =
    await import('@p2p-playground/controller/config')
  const { config } = await loadControllerConfig(request)
  return config.signingKey === undefined ? undefined : loadControllerKey(config.signingKey)
}
