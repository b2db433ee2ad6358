import { PlaygroundError } from '@p2p-playground/core/errors'
import { BaseCommand } from '../../base-command.js'
import type { Found } from '../../daemon-service/service-file.js'
import type { ServicePlan } from '../../daemon-service/service-plan.js'
import { serviceFlags, serviceRequest } from '../../daemon-service/service-request.js'

export default class DaemonUninstall extends BaseCommand {
  static override summary = 'Stop the service of "daemon install", and remove it.'
  static override description =
    'Apps, configuration and state stay, and apps go on running. A file that install did not write is left alone.'
  static override examples = ['<%= config.bin %> daemon uninstall']
  static override flags = serviceFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonUninstall)
    const { planService } = await import('../../daemon-service/service-plan.js')
    const { lookAt, removeService } = await import('../../daemon-service/service-file.js')
    const kinds = flags.init === undefined ? (['systemd', 'sh'] as const) : [flags.init]
    const plans = kinds.map((init) =>
      planService(serviceRequest({ ...flags, init }, this.home, this.config.root)),
    )
    const found = await Promise.all(
      plans.map(async (plan) => ({ plan, found: await lookAt(plan.path) })),
    )
    for (const { plan, found: one } of found) requireOurs(plan, one)
    const installed = found.flatMap(({ plan, found: one }) => (one.kind === 'ours' ? plan : []))
    for (const plan of installed) {
      const { forgetService, stopService } = await import('../../daemon-service/service-control.js')
      const refused = await stopService(plan)
      if (refused !== undefined) this.warning(refused)
      await removeService(plan.path)
      await forgetService(plan)
    }
    const removed = installed.map(({ path }) => path)
    if (flags.json) this.printJson({ removed })
    else if (removed.length === 0) this.log('nothing is installed here')
    for (const path of flags.json ? [] : removed) this.log(`removed ${path}`)
    if (!flags.json && installed.some(({ kind }) => kind === 'sh'))
      this.log('if the crontab starts it at boot, take that line out: crontab -e')
  }
}

/** @throws NODE_DAEMON_SERVICE for what install did not write, or wrote for another home */
function requireOurs(plan: ServicePlan, found: Found): void {
  if (found.kind === 'nothing' || (found.kind === 'ours' && found.home === plan.home)) return
  const whose = found.kind === 'ours' ? `for the home ${found.home}` : 'not ours'
  throw new PlaygroundError('NODE_DAEMON_SERVICE', `${plan.path} is ${whose}: left alone`, {
    hint: 'Give the --name, --dir and --home that it was installed with.',
  })
}
