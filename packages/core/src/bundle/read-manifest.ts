import { join } from 'node:path'
import { PlaygroundError } from '../errors.js'
import { parseManifest } from '../model/manifest.js'
import type { Manifest } from '../model/manifest.js'
import { withKey } from '../config/strict-yaml.js'
import { MANIFEST_NAME } from './manifest-name.js'
import { readOwnFile } from './own-file.js'

/** The manifest, and what stands for its file in the package where that is not what it holds. */
export async function readManifest({
  dir,
  createdAtMs,
}: {
  readonly dir: string
  readonly createdAtMs?: number | undefined
}): Promise<{ readonly manifest: Manifest; readonly content?: Uint8Array }> {
  const path = join(dir, MANIFEST_NAME)
  const text = await readOwnFile(dir, MANIFEST_NAME)
  if (text === undefined) {
    throw new PlaygroundError('BUNDLE_PACK', `there is no ${path}`, {
      hint: 'An application directory has a manifest.yaml with at least name, version and entrypoint.',
    })
  }
  const manifest = parseManifest(text, path)
  if (manifest.createdAtMs !== undefined || createdAtMs === undefined) return { manifest }
  const time = new Date(createdAtMs).toISOString().replace('.000Z', 'Z')
  const dated = withKey(text, 'created_at', time)
  return { manifest: parseManifest(dated, path), content: Buffer.from(dated) }
}
