import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ConfigRequest, ShownValue } from '@p2p-playground/core/config'

/** The effective configuration of the daemon or the controller, keys checked too. @throws the CONFIG_ codes */
export async function loadConfig(
  controller: boolean,
  request: ConfigRequest,
): Promise<{
  readonly shown: readonly ShownValue[]
  readonly warnings: readonly string[]
  readonly files: readonly string[]
}> {
  if (controller) {
    const { loadControllerConfig, loadControllerKey } =
      await import('@p2p-playground/controller/config')
    const loaded = await loadControllerConfig(request)
    if (loaded.config.signingKey !== undefined) await loadControllerKey(loaded.config.signingKey)
    return loaded
  }
  const { loadDaemonConfig, loadRevokedKeys, loadTrustedKeys } =
    await import('@p2p-playground/daemon/config')
  const loaded = await loadDaemonConfig(request)
  loadTrustedKeys(loaded)
  loadRevokedKeys(loaded)
  return loaded
}

/** Whether a file is a controller.yaml: by its name, else by a key that only that one has. */
export async function isControllerFile(path: string): Promise<boolean> {
  const name = basename(path)
  if (/^(daemon|controller)\b/.test(name)) return name.startsWith('controller')
  const { parseYaml } = await import('@p2p-playground/core/config')
  try {
    const { value } = parseYaml(await readFile(path, 'utf8'), path)
    return typeof value === 'object' && value !== null && ('controller' in value || 'api' in value)
  } catch {
    // Whoever loads it says what is wrong with it.
    return false
  }
}
