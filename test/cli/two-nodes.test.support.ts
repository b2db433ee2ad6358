import { cliOk } from '../harness/command.js'
import { Machines, startDaemon, startFleet, writeApp } from '../harness/machines.js'
import type { DaemonStatus } from '../harness/machines.js'

/** Of the test file that imports this. */
export const machines = new Machines()
export const one = machines.machine('one')
export const two = machines.machine('two')

/** Two nodes that know each other, and run the app "talker"; gives the daemon of the first. */
export async function startBoth(): Promise<DaemonStatus> {
  const [status] = await startFleet([one, two])
  if (status === undefined) throw new Error('no daemon')
  const talker = { name: 'talker', script: 'echo "hello from $$"\nexec sleep 600' }
  await cliOk(one, 'deploy', writeApp(machines.base, talker))
  return status
}

/** A new daemon listens on another port. */
export async function startTwo(): Promise<void> {
  const { addresses } = await startDaemon(two)
  await cliOk(one, 'node', 'add', addresses[0] ?? '')
}
