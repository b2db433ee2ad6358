import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError } from '../errors.js'
import type { Manifest } from '../model/manifest.js'
import { filesOf } from './check-content.js'
import { followLinks } from './follow-links.js'
import type { PackageEntries } from './follow-links.js'

/** More than a kernel reads of a first line. */
const HEAD_BYTES = 256

/**
 * A script whose first line ends as on Windows starts nowhere: the kernel takes the carriage return for a part of its
 * interpreter's name, and says that the script is not found.
 * @throws BUNDLE_PACK
 */
export async function checkShebangs(
  dir: string,
  manifest: Manifest,
  entries: PackageEntries,
): Promise<void> {
  for (const [what, path] of filesOf(manifest)) {
    const place = followLinks(entries, path)
    if (typeof place === 'string') continue
    const [line = ''] = (await headOf(join(dir, place.path))).split('\n')
    if (!line.startsWith('#!') || !line.endsWith('\r')) continue
    throw new PlaygroundError(
      'BUNDLE_PACK',
      `the first line of the ${what} "${path}" ends with a carriage return, so that no machine finds ${line.slice(2, -1).trim()}`,
      {
        hint: 'Save it with Unix line ends (LF); "*.sh text eol=lf" in .gitattributes keeps them.',
      },
    )
  }
}

async function headOf(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
    return head.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}
