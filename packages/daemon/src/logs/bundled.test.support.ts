import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Bundles a module of this directory into `outfile` below `dir`, for a program of a test that is killed. */
export async function bundled(module: string, dir: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL(module, import.meta.url))],
    bundle: true,
    platform: 'node',
    format: outfile.endsWith('.mjs') ? 'esm' : 'cjs',
    outfile: join(dir, outfile),
    logLevel: 'error',
  })
}
