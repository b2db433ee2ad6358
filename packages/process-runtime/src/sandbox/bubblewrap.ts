import { spawn } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import type { Writable } from 'node:stream'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Enforcement } from '@p2p-playground/core'
import { isMachine, seccompFilter } from './seccomp.js'

/** Descriptors that bwrap is given; see wrapper.ts. */
const FILTER_FD = 4
const INFO_FD = 8
const PROBE_LIMIT_MS = 5000
/** Sockets of the system's services, and the homes of people. */
const SHUT = ['/run', '/home', '/root']
/** Private ones in their place. */
const TEMPORARY = ['/tmp', '/var/tmp']
/** What /etc/resolv.conf may point to. */
const RESOLVERS = ['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager/resolv.conf']

/** The processes of bwrap that live beside the program: the one outside, and the first of the process namespace. */
export const SANDBOX_PROCESSES = 2

export interface SandboxView {
  /** The one directory of the machine that can be written. */
  readonly rootDir: string
  readonly workDir: string
  readonly hiddenDirs: readonly string[]
  readonly hiddenFiles: readonly string[]
  /** Whether the program still has to change its user, which needs two capabilities for a moment. */
  readonly changesUser: boolean
}

/**
 * Sandboxes by bubblewrap (https://github.com/containers/bubblewrap): namespaces for mounts, processes and IPC, no
 * capabilities, no new privileges, a system call filter. The network stays the machine's.
 */
export class Bubblewrap {
  readonly #path: string | undefined
  #support: Promise<Enforcement> | undefined

  constructor(searchPath = process.env['PATH'] ?? '') {
    this.#path = findProgram('bwrap', searchPath)
  }

  /** Tried once, by running something in one. */
  async support(): Promise<Enforcement> {
    this.#support ??= this.#probe()
    return this.#support
  }

  /** What to put before the program's command. */
  command(view: SandboxView): string[] {
    return [this.#path ?? 'bwrap', ...bubblewrapArgs(view), '--']
  }

  /** For descriptor 4. */
  filter(): Buffer {
    return isMachine(process.arch) ? seccompFilter(process.arch) : Buffer.alloc(0)
  }

  async #probe(): Promise<Enforcement> {
    if (this.#path === undefined) {
      return { enforced: false, why: 'there is no bwrap (Debian package bubblewrap)' }
    }
    if (!isMachine(process.arch)) {
      return { enforced: false, why: `there is no system call filter for ${process.arch}` }
    }
    const [dir, changesUser] = [tmpdir(), false]
    const view = { rootDir: dir, workDir: dir, hiddenDirs: [], hiddenFiles: [], changesUser }
    const args = [...bubblewrapArgs(view), '--', '/bin/sh', '-c', ':']
    const why = await failureOf(this.#path, args, this.filter())
    return why === undefined
      ? { enforced: true, by: 'bubblewrap' }
      : { enforced: false, why: `bubblewrap does not work here: ${why}` }
  }
}

/** One for all runtimes of this process. */
export const bubblewrap = new Bubblewrap()

export function bubblewrapArgs(view: SandboxView): string[] {
  const { rootDir, workDir, changesUser } = view
  // What a link leads to is mounted over, or it could be read there.
  const shut = [...new Set([...SHUT, ...view.hiddenDirs].flatMap(realPaths))]
  const isHidden = (path: string): boolean =>
    [...TEMPORARY, ...shut].some((dir) => path.startsWith(`${dir}/`))
  const masked = [...new Set(view.hiddenFiles.flatMap(realPaths))].filter((path) => !isHidden(path))
  return [
    ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    ...TEMPORARY.flatMap((dir) => ['--perms', '1777', '--tmpfs', dir]),
    ...shut.flatMap((dir) => ['--tmpfs', dir]),
    ...masked.flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ...RESOLVERS.flatMap((path) => ['--ro-bind-try', path, path]),
    // What leads there can be passed by all, even where the files are for their user only.
    ...['--dir', dirname(rootDir), '--bind', rootDir, rootDir],
    // /proc as well: bwrap leaves /proc/sys writable, whose files root may write without any capability.
    ...['/', '/proc', ...shut].flatMap((dir) => ['--remount-ro', dir]),
    ...['--unshare-pid', '--unshare-ipc', '--unshare-cgroup-try'],
    ...['--new-session', '--die-with-parent', '--cap-drop', 'ALL'],
    ...(changesUser ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'] : []),
    ...['--seccomp', String(FILTER_FD), '--info-fd', String(INFO_FD)],
    // Root without capabilities may not enter what is another user's; wrapper.ts goes there later.
    ...['--chdir', changesUser ? '/' : workDir],
  ]
}

/** The path without links in it; none when nothing is there. */
function realPaths(path: string): readonly string[] {
  try {
    return [realpathSync(path)]
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return []
  }
}

function findProgram(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((dir) => join(dir, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch (error) {
        if (systemCode(error) === undefined) throw error
        return false
      }
    })
}

/** Runs it to its end; gives what it complained about, or undefined when it ended well. */
async function failureOf(
  program: string,
  args: readonly string[],
  filter: Buffer,
): Promise<string | undefined> {
  // bwrap leaves a process behind when it cannot write to its last descriptor, so that is no pipe of ours: we may die.
  const sink = await open('/dev/null', 'w')
  try {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const child = spawn(program, args, {
      // Above 2, what is ignored is not open at all.
      stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'pipe', 'ignore', 'ignore', 'ignore', sink.fd],
      timeout: PROBE_LIMIT_MS,
    })
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (more: string) => (text += more))
    child.once('error', (error) => {
      resolve(errorMessage(error))
    })
    child.once('close', (code) => {
      resolve(code === 0 ? undefined : text.trim().replace(/^bwrap: /, '') || 'it failed')
    })
    const input = child.stdio[FILTER_FD] as Writable
    // When bwrap refuses before it has read all, its message says why.
    input.on('error', () => undefined).end(filter)
    return await promise
  } finally {
    await sink.close()
  }
}
