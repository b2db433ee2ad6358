import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** A fresh directory for each test of a file, and applications in it. */
export function appsOfEachTest(): {
  readonly inRoot: (...path: string[]) => string
  /** Writes an application that packs, with the given files besides. */
  readonly app: (name: string, files?: Readonly<Record<string, string | Buffer>>) => string
} {
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'p2pp-pack-'))
  })

  afterEach(() => {
    rmSync(root, { recursive: true, force: true })
  })
  return {
    inRoot: (...path) => join(root, ...path),
    app: (name, files) => writeApp(join(root, name), files),
  }
}

function writeApp(dir: string, files: Readonly<Record<string, string | Buffer>> = {}): string {
  mkdirSync(join(dir, 'bin'), { recursive: true })
  const all = {
    'manifest.yaml': 'name: app\nversion: 1.0.0\nentrypoint: bin/run\n',
    'bin/run': '#!/bin/sh\n',
    ...files,
  }
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), content, { mode: path.startsWith('bin/') ? 0o700 : 0o600 })
  }
  return dir
}

export const BARE = 'name: app\nversion: 1.0.0\n'

/** Puts other lines under the name and version of a manifest. */
export function rewrite(lines: string): (dir: string) => void {
  return (dir) => {
    symlinkSync('bin/run/../run', join(dir, 'link'))
    writeFileSync(join(dir, 'manifest.yaml'), `${BARE}${lines}\n`)
  }
}
