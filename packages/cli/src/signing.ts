import { existsSync } from 'node:fs'
import type { SigningKey } from '@p2p-playground/core/bundle'
import type { ConfigRequest } from '@p2p-playground/core/config'

/** The key that `--key` names, or the controller's own; undefined when there is none. */
export async function findSigningKey(
  named: string | undefined,
  request: ConfigRequest,
): Promise<SigningKey | undefined> {
  const { loadSigningKey } = await import('@p2p-playground/core/bundle')
  if (named !== undefined) return loadSigningKey(named)
  const { loadControllerConfig } = await import('@p2p-playground/controller/config')
  const { config } = await loadControllerConfig(request)
  const path = config.signingKeyPath
  return path !== undefined && existsSync(path) ? loadSigningKey(path) : undefined
}
