import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A mounted cgroup hierarchy, and the daemon's own place in it. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Of version 1: what is mounted here (`cpu`, `cpuacct`). Version 2 tells per cgroup. */
  readonly controllers: readonly string[]
  /** The topmost cgroup that can be seen, a directory. */
  readonly top: string
  /** The daemon's own cgroup; undefined when it lies outside of what is mounted. */
  readonly own: string | undefined
}

/** The hierarchies of this process (cgroups(7)). */
export function readHierarchies(): Hierarchy[] {
  const read = (name: string): string => readFileSync(`/proc/self/${name}`, 'utf8')
  return parseHierarchies(read('mountinfo'), read('cgroup'))
}

/** Of the texts of /proc/PID/mountinfo and /proc/PID/cgroup. */
export function parseHierarchies(mountinfo: string, cgroup: string): Hierarchy[] {
  const own = parseOwn(cgroup)
  const seen = new Set<string>()
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root = '', mountPoint = ''] = before.split(' ').map(unescape)
    const [type, , options = ''] = after.split(' ')
    if (type !== 'cgroup' && type !== 'cgroup2') return []
    const found = [...own].find(([names]) =>
      type === 'cgroup2' ? names === '' : names !== '' && isWithin(names, options),
    )
    // Mounted a second time elsewhere.
    if (found === undefined || seen.has(found[0])) return []
    seen.add(found[0])
    const inside = relative(root, found[1])
    return {
      version: type === 'cgroup2' ? 2 : 1,
      controllers: found[0].split(',').filter((name) => name !== ''),
      top: mountPoint,
      // The kernel shows what lies above a cgroup namespace's root as `/..`.
      own:
        inside.startsWith('..') || found[1].startsWith('/..')
          ? undefined
          : join(mountPoint, inside),
    }
  })
}

/** Controllers, as one text, to path. */
function parseOwn(cgroup: string): Map<string, string> {
  const lines = cgroup.split('\n').flatMap((line) => {
    const match = /^\d+:([^:]*):(.+)$/.exec(line)
    return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const]
  })
  return new Map(lines)
}

function isWithin(names: string, options: string): boolean {
  const given = options.split(',')
  return names.split(',').every((name) => given.includes(name))
}

/** Spaces and the like are octal in mountinfo. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
