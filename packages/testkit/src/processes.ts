import { readFileSync, readdirSync } from 'node:fs'

/** Pids of the live processes whose command line, its words parted by spaces, contains `text` (Linux). */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLine(name).includes(text))
    .map(Number)
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    // It ended between the listing and the look.
    return ''
  }
}
