import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import type { Control, DeployRequest, NodeFailure } from '@p2p-playground/core'
import type { SigningKey } from '@p2p-playground/core/bundle'
import { others } from './base-command.js'
import { DeployView } from './deploy-view.js'
import { withProgress } from './progress.js'

/**
 * A package file as it is; a directory packed and signed into a temporary file, which `dispose` deletes.
 * @throws BUNDLE_NOT_FOUND, and what keeps a directory from being packed
 */
export async function packageOf(
  path: string,
  options: {
    readonly key: () => Promise<SigningKey | undefined>
    /** Without a bar. */
    readonly quiet: boolean
    readonly signal: AbortSignal
  },
): Promise<{ readonly path: string; dispose(): Promise<void> }> {
  if (!(await isDirectory(path))) return { path, dispose: async () => Promise.resolve() }
  const { packDirectory, sourceDateMs } = await import('@p2p-playground/core/bundle')
  const dir = await mkdtemp(join(tmpdir(), 'p2p-playground-'))
  const dispose = async (): Promise<void> => rm(dir, { recursive: true, force: true })
  try {
    const key = await options.key()
    const packed = await withProgress('packing', options.quiet, async (onProgress) =>
      packDirectory({
        dir: path,
        outPath: join(dir, 'package.p2p'),
        createdAtMs: sourceDateMs(process.env),
        onProgress: (doneBytes, totalBytes) => {
          options.signal.throwIfAborted()
          onProgress(doneBytes, totalBytes)
        },
        key,
      }),
    )
    return { path: packed.path, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Deploys and shows it; gives the view with what became of each node. */
export async function runDeploy(
  control: Control,
  request: DeployRequest,
  quiet: boolean,
  signal: AbortSignal,
): Promise<DeployView> {
  const view = await DeployView.open(quiet)
  try {
    for await (const progress of control.deploy(request, signal)) view.show(progress)
  } finally {
    view.close()
  }
  return view
}

/** @throws the failure when every node failed; when some did, gives them to `warn` and sets exit code 3 */
export function judge(
  view: DeployView,
  warn: (failures: readonly NodeFailure[]) => void = () => undefined,
): void {
  const results = view.results()
  const failures = results.flatMap(({ progress }) => progress.failure ?? [])
  const [first] = failures
  if (first === undefined) return
  if (failures.length < results.length) {
    warn(failures)
    process.exitCode = 3
    return
  }
  throw new PlaygroundError(first.code, `${first.node}: ${first.message}${others(failures)}`, {
    hint: first.hint,
    details: { failures },
  })
}

/** @throws BUNDLE_NOT_FOUND where there is nothing, or what belongs to a directory */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      const message = `there is neither a package nor a directory ${path}`
      throw new PlaygroundError('BUNDLE_NOT_FOUND', message, {
        hint: 'Name the directory of an application, or a package that "p2p-playground pack" made of it.',
      })
    }
    // The package reader says better what is wrong.
    if (systemCode(error) === undefined) throw error
  }
  if (basename(path) !== 'manifest.yaml') return false
  throw new PlaygroundError('BUNDLE_NOT_FOUND', `${path} is no package`, {
    hint: `Name the directory that it is in: ${dirname(path)}`,
  })
}
