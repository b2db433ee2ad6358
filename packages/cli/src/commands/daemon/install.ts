import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'
import type { ServicePlan } from '../../daemon-service/service-plan.js'
import { serviceFlags, serviceRequest } from '../../daemon-service/service-request.js'

export default class DaemonInstall extends BaseCommand {
  static override summary =
    'Have the node on this machine started at boot, and again whenever it ends.'
  static override description =
    'Writes a systemd unit: for the system as root, for this user otherwise. Where systemd does not run, a small script for sh. A second install brings it up to date.'
  static override examples = [
    '<%= config.bin %> daemon install --now',
    '<%= config.bin %> daemon install --print',
    '<%= config.bin %> daemon install --init sh --now',
  ]
  static override flags = {
    ...serviceFlags,
    now: Flags.boolean({ description: 'Enable and start it too.' }),
    print: Flags.boolean({ description: 'Show what would be written, and write nothing.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonInstall)
    const { planService } = await import('../../daemon-service/service-plan.js')
    const plan = planService(serviceRequest(flags, this.home, this.config.root))
    const { kind, scope, name, path } = plan
    if (flags.print) {
      if (flags.json) this.printJson({ kind, scope, name, path, text: plan.text, next: next(plan) })
      else this.log(`# ${path}\n${plan.text.trimEnd()}`)
      return
    }
    const { writeService } = await import('../../daemon-service/service-file.js')
    const { startService } = await import('../../daemon-service/service-control.js')
    const isNew = await writeService(plan)
    const running = flags.now ? await startService(plan, this.home) : undefined
    const left = next(plan).filter(({ when }) => when === 'boot' || !flags.now)
    if (flags.json) {
      const pid = running?.pid ?? null
      this.printJson({ kind, scope, name, path, changed: isNew, pid, next: left })
      return
    }
    this.log(`${isNew ? 'wrote' : 'nothing to change in'} ${path}`)
    if (running !== undefined) this.log(`${running.name} is ready, pid ${String(running.pid)}`)
    for (const { what, command } of left) this.log(`${what}:\n  ${command}`)
  }
}

interface Step {
  readonly what: string
  readonly command: string
  /** Part of --now, or for the administrator to decide. */
  readonly when: 'now' | 'boot'
}

/** What is left to do after the file is written. */
function next({ kind, scope, path }: ServicePlan): Step[] {
  if (kind === 'sh') {
    return [
      { what: 'start it', command: `setsid ${path} >/dev/null 2>&1 &`, when: 'now' },
      {
        what: 'start it at boot',
        command: `(crontab -l 2>/dev/null; echo "@reboot ${path} >/dev/null 2>&1") | crontab -`,
        when: 'boot',
      },
    ]
  }
  const systemctl = scope === 'user' ? 'systemctl --user' : 'systemctl'
  const start = `${systemctl} daemon-reload && ${systemctl} enable --now ${path}`
  const steps: Step[] = [{ what: 'enable and start it', command: start, when: 'now' }]
  if (scope === 'user') {
    steps.push({
      what: 'start it at boot, before you log in',
      command: 'loginctl enable-linger',
      when: 'boot',
    })
  }
  return steps
}
