import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { RunHandle, RunLimits, RunSpec } from '@p2p-playground/core'
import { CgroupsRuntime } from './cgroups-runtime.js'

const forever = new AbortController().signal

/** Programs in a temporary directory, under a runtime whose cgroups are this fixture's alone. */
export class CgroupsFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'p2pp-cgroups-'))
  readonly handles: RunHandle[] = []
  readonly runtime = this.nextRuntime()

  /** The runtime of the next daemon. */
  nextRuntime(): CgroupsRuntime {
    return new CgroupsRuntime({ dataDir: this.dir, clock: systemClock })
  }

  async start(body: string, limits: RunLimits, patch: Partial<RunSpec> = {}): Promise<RunHandle> {
    const path = join(this.dir, `app-${String(this.handles.length)}`)
    writeFileSync(path, `#!/bin/sh\n${body}\n`)
    chmodSync(path, 0o755)
    const runDir = join(this.dir, `run-${String(this.handles.length)}`)
    mkdirSync(runDir)
    const spec: RunSpec = {
      instance: 'app@1.0.0',
      command: [path],
      workDir: this.dir,
      rootDir: this.dir,
      hiddenDirs: [],
      env: { PATH: '/usr/bin:/bin' },
      stdoutPath: join(this.dir, 'stdout'),
      stderrPath: join(this.dir, 'stderr'),
      runDir,
      limits,
      sandbox: 'off',
      ...patch,
    }
    const handle = await this.runtime.start(spec, () => undefined, forever)
    this.handles.push(handle)
    return handle
  }

  read(name: string): string {
    const path = join(this.dir, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  async close(): Promise<void> {
    for (const handle of this.handles) await this.runtime.stop(handle, 0)
    await this.runtime.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** The cgroups of a run, each once. */
export function cgroupsOf(handle: RunHandle): string[] {
  const place = handle.data['place'] as Readonly<Record<string, string>>
  return [...new Set(Object.values(place))]
}

/** Why limits cannot be tried here; undefined when they can. */
export async function whyNoLimits(): Promise<string | undefined> {
  const { cpu, memory, pids } = await new CgroupsRuntime({
    dataDir: tmpdir(),
    clock: systemClock,
  }).support()
  const why = [cpu, memory, pids].flatMap((one) => (one.enforced ? [] : [one.why]))
  return why.length === 0 ? undefined : why.join('; ')
}
