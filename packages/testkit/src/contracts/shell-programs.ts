import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RuntimeSetup } from './runtime-contract.js'

/** The programs of the runtime suite as shell scripts, for a runtime that runs what lies on this machine. */
export const shellPrograms: Required<
  Pick<RuntimeSetup, 'endless' | 'exits' | 'stubborn' | 'prints'>
> = {
  endless: (dir) => script(dir, 'endless', 'exec sleep 1000'),
  exits: (dir, code) => script(dir, 'exits', `exit ${String(code)}`),
  stubborn: (dir, ready) => [
    ...script(dir, 'stubborn', 'trap "" TERM; : > "$1"; while :; do sleep 0.05; done'),
    ready,
  ],
  prints: (dir) => script(dir, 'prints', 'for arg in "$@"; do printf "%s\\n" "$arg"; done'),
}

function script(dir: string, name: string, body: string): [string] {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return [path]
}
