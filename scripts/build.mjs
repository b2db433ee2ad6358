// npm run build: compiles all packages, bundles daemon and controller, writes the CLI's manifest.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT, ensureInstalled, newest, step } from './steps.mjs'

const BUNDLE = join(ROOT, 'packages/daemon/dist/daemon.mjs')
const MANIFEST = join(ROOT, 'packages/cli/oclif.manifest.json')

/** Builds what is not up to date. */
export async function build() {
  await ensureInstalled()
  const sources = newest(
    ['packages', 'plugins', 'scripts', 'tsconfig.json', 'tsconfig.base.json', 'package-lock.json'],
    /(?<!oclif\.manifest)\.(ts|js|mjs|json)$/,
  )
  // The manifest is written last, and always; a bundle only when it changes.
  const built = existsSync(BUNDLE) && existsSync(MANIFEST) ? statSync(MANIFEST).mtimeMs : 0
  if (built >= sources) {
    console.log('\n✔ build: everything is up to date')
    return
  }
  await step('compile', 'tsc', ['-b'])
  await step('bundle daemon and controller', 'node', ['scripts/bundle.mjs'])
  await step('write the CLI manifest', 'npm', [
    'run',
    '--silent',
    '-w',
    '@p2p-playground/cli',
    'build:manifest',
  ])
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await build()
