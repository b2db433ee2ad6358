import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Runs, and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = orEmpty(() => readFileSync(`/proc/${String(pid)}/stat`, 'latin1'))
  return stat !== '' && !/\) [ZX] /.test(stat)
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Looks every 20 ms until it is so. @throws when it is not in time */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await isSo())) {
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${String(limitMs / 1000)} s`)
    }
    await delay(20)
  }
}

/** Processes whose home, working directory or arguments lie under `dir`; never this one. */
export function processesUnder(dir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      if (!isAlive(pid)) return false
      const at = `/proc/${String(pid)}`
      const cwd = orEmpty(() => readlinkSync(`${at}/cwd`))
      const environment = orEmpty(() => readFileSync(`${at}/environ`, 'latin1'))
      const command = orEmpty(() => readFileSync(`${at}/cmdline`, 'latin1'))
      return cwd.startsWith(dir) || environment.includes(`=${dir}/`) || command.includes(`${dir}/`)
    })
}

function orEmpty(look: () => string): string {
  try {
    return look()
  } catch {
    // The process is gone.
    return ''
  }
}
