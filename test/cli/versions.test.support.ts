import { cliJson, cliOk } from '../harness/command.js'
import { apps, writeApp } from '../harness/machines.js'
import type { AppRow, Machine, TestApp } from '../harness/machines.js'

interface VersionRow {
  readonly version: string
  readonly active: boolean
  readonly tags: readonly string[]
  readonly note: string
}

/** What the tests of versions ask of the only node there is. */
export function versionsOn(node: Machine) {
  const versions = async (app: string): Promise<readonly VersionRow[]> =>
    cliJson<VersionRow[]>(node, 'app', 'versions', app)
  return {
    versions,
    deployed: async (app: TestApp): Promise<void> => {
      await cliOk(node, 'deploy', writeApp(node.base, app))
    },
    row: async (app: string, version: string): Promise<AppRow | undefined> =>
      (await apps(node)).find((one) => one.app === app && one.version === version),
    activeOf: async (app: string): Promise<string | undefined> =>
      (await versions(app)).find((one) => one.active)?.version,
  }
}
