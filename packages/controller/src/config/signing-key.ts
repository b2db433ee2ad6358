import type { SourcePosition } from '@p2p-playground/core'
import { asPlaygroundError, PlaygroundError } from '@p2p-playground/core'
import { loadSigningKey } from '@p2p-playground/core/bundle'
import type { KeyType, SigningKey } from '@p2p-playground/core/bundle'

/** The private key of a controller, not read yet. */
export interface SigningKeyEntry {
  readonly path: string
  /** What it must be; undefined where controller.yaml does not say. */
  readonly type: KeyType | undefined
  /** Where controller.yaml names it; undefined for the one that is just there. */
  readonly at: SourcePosition | undefined
}

/**
 * Reads the key of a controller; an error points at the place that names it.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_PERMISSIONS, and CONFIG_KEY for what is no key, or of another type
 */
export async function loadControllerKey({ path, type, at }: SigningKeyEntry): Promise<SigningKey> {
  let key: SigningKey
  try {
    key = await loadSigningKey(path)
  } catch (error) {
    const { code, message, hint, details } = asPlaygroundError(error)
    throw new PlaygroundError(code, message, { hint, details, at, cause: error })
  }
  if (type === undefined || key.type === type) return key
  throw new PlaygroundError(
    'CONFIG_KEY',
    `${path} is an ${key.type} key, but signing_key_type is ${type}`,
    { hint: `Write "signing_key_type: ${key.type}", or name another key.`, at },
  )
}
