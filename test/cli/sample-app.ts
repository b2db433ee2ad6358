import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SampleApp {
  readonly name?: string
  readonly version?: string
  /** Shell lines of the program. */
  readonly script?: string
  /** Lines added to manifest.yaml. */
  readonly manifest?: string
}

/** Writes a small application directory, ready to pack. */
export function writeSampleApp(dir: string, app: SampleApp = {}): string {
  mkdirSync(join(dir, 'bin'), { recursive: true })
  const { name = 'hello', version = '1.0.0', manifest = '' } = app
  writeFileSync(
    join(dir, 'manifest.yaml'),
    `name: ${name}\nversion: "${version}"\nentrypoint: bin/run.sh\n${manifest}`,
  )
  const script = app.script ?? 'echo hello from $$\nexec sleep 600\n'
  writeFileSync(join(dir, 'bin', 'run.sh'), `#!/bin/sh\n${script}`, { mode: 0o755 })
  return dir
}
