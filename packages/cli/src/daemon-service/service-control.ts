import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration } from '@p2p-playground/core/duration'
import { PlaygroundError, isPlaygroundError, systemCode } from '@p2p-playground/core/errors'
import type { Home } from '@p2p-playground/core/home'
import type { RunFile } from '@p2p-playground/daemon/run-file'
import { daemonStatus, stopDaemon } from '../daemon-process.js'
import type { ServicePlan } from './service-plan.js'
import { systemctl } from './systemctl.js'

const READY_MS = 30_000
const END_MS = 30_000
const LOOK_MS = 50

/**
 * Enables a service and starts it, anew when it runs; a daemon that was started by hand gives way. Resolves when the daemon
 * answers. @throws NODE_DAEMON_SERVICE, NODE_DAEMON_START
 */
export async function startService(plan: ServicePlan, home: Home): Promise<RunFile> {
  if (plan.kind === 'systemd') {
    await systemctl(plan.scope, 'daemon-reload')
    await systemctl(plan.scope, 'enable', plan.path)
    if (!(await isActive(plan))) await stopDaemon(home, END_MS)
    await systemctl(plan.scope, 'restart', unitOf(plan))
  } else {
    await stopSupervisor(plan)
    await stopDaemon(home, END_MS)
    spawn(plan.path, { detached: true, stdio: 'ignore', cwd: '/' }).unref()
  }
  const deadline = performance.now() + READY_MS
  for (;;) {
    const running = await daemonStatus(home)
    if (running !== undefined) return running
    if (performance.now() > deadline) break
    await delay(LOOK_MS)
  }
  const text = `the service has not brought up a daemon within ${formatDuration(READY_MS)}`
  throw new PlaygroundError('NODE_DAEMON_START', text, {
    hint: 'Try "p2p-playground daemon start --foreground", which shows why.',
  })
}

/** Stops and disables a service; its apps go on. Gives what systemctl refused, if it did. @throws NODE_DAEMON_STOPPED */
export async function stopService(plan: ServicePlan): Promise<string | undefined> {
  if (plan.kind === 'sh') {
    await stopSupervisor(plan)
    return undefined
  }
  try {
    await systemctl(plan.scope, 'disable', '--now', unitOf(plan))
    return undefined
  } catch (error) {
    // Where systemd does not run, nothing of it can run either.
    if (isPlaygroundError(error)) return error.message
    throw error
  }
}

/** After the unit is gone. */
export async function forgetService(plan: ServicePlan): Promise<void> {
  // systemd looks again at its next start anyway.
  if (plan.kind === 'systemd') await systemctl(plan.scope, 'daemon-reload').catch(() => undefined)
}

async function isActive(plan: ServicePlan): Promise<boolean> {
  try {
    await systemctl(plan.scope, 'is-active', '--quiet', unitOf(plan))
    return true
  } catch {
    // Its exit code is the answer.
    return false
  }
}

function unitOf(plan: ServicePlan): string {
  return basename(plan.path)
}

/** TERM, and waits until the script and with it the daemon is gone. */
async function stopSupervisor(plan: ServicePlan): Promise<void> {
  const pid = await supervisorPid(plan)
  if (pid === undefined) return
  process.kill(pid, 'SIGTERM')
  const deadline = performance.now() + END_MS
  while (await isSupervisor(pid, plan)) {
    if (performance.now() > deadline) {
      const text = `${plan.path} (pid ${String(pid)}) has not ended within ${formatDuration(END_MS)}`
      throw new PlaygroundError('NODE_DAEMON_STOPPED', text, {
        hint: 'Its apps are safe: "kill -9" ends it and the daemon at once.',
      })
    }
    await delay(LOOK_MS)
  }
}

/** The script's process; undefined when it does not run. */
async function supervisorPid(plan: ServicePlan): Promise<number | undefined> {
  const text = await readIfThere(plan.pidPath)
  const pid = Number(text?.trim())
  return text !== undefined && (await isSupervisor(pid, plan)) ? pid : undefined
}

/** A pid that was given out again since is not it; and it runs a little longer than its pid file stays. */
async function isSupervisor(pid: number, plan: ServicePlan): Promise<boolean> {
  const command = await readIfThere(`/proc/${String(pid)}/cmdline`)
  return command?.includes(plan.name) === true
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined
    throw error
  }
}
