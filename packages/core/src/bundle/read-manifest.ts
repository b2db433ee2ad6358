import { readFile, readlink, realpath } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import { fileError } from '../file-error.js'
import { parseManifest } from '../model/manifest.js'
import type { Manifest } from '../model/manifest.js'
import { withKey } from '../config/strict-yaml.js'
import { MANIFEST_NAME } from './manifest-name.js'

/** The manifest, and what stands for its file in the package where that is not what it holds. */
export async function readManifest({
  dir,
  createdAtMs,
}: {
  readonly dir: string
  readonly createdAtMs?: number | undefined
}): Promise<{ readonly manifest: Manifest; readonly content?: Uint8Array }> {
  const path = join(dir, MANIFEST_NAME)
  let text: string
  try {
    await refuseForeign(path, dir)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw fileError(cause, path)
    throw new PlaygroundError('BUNDLE_PACK', `there is no ${path}`, {
      hint: 'An application directory has a manifest.yaml with at least name, version and entrypoint.',
      cause,
    })
  }
  const manifest = parseManifest(text, path)
  if (manifest.createdAtMs !== undefined || createdAtMs === undefined) return { manifest }
  const time = new Date(createdAtMs).toISOString().replace('.000Z', 'Z')
  const dated = withKey(text, 'created_at', time)
  return { manifest: parseManifest(dated, path), content: Buffer.from(dated) }
}

/** Read through a symlink, any file of this machine would be shown in messages. @throws BUNDLE_PACK */
async function refuseForeign(path: string, dir: string): Promise<void> {
  const inside = relative(await realpath(dir), await realpath(path))
  if (inside !== '..' && !inside.startsWith('../')) return
  const target = await readlink(path)
  throw new PlaygroundError(
    'BUNDLE_PACK',
    `${path} is a symlink to ${target}, outside of the application`,
  )
}
