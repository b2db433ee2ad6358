/** Steps at which tests kill the daemon: just before what is named happens. */
export const FAILPOINTS = [
  'install-admitted',
  'install-staged',
  'install-in-place',
  'install-committed',
  'select',
  'start-intended',
  'start-hook-ended',
  'start-placed',
  'start-committed',
  'stop-intended',
  'stop-ended',
  'stop-committed',
  'post-stop-ended',
  'roll-back',
  'roll-back-committed',
  'remove-intended',
  'remove-log-gone',
  'remove-files-gone',
  'remove-committed',
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

/** Called at each step; does nothing outside of tests. */
export type OnFailpoint = (step: Failpoint) => void

/** For tests of crashes: kills this process at the step that `$P2P_PLAYGROUND_FAILPOINT` names, as `kill -9` would. */
export function failpointOf(env: Readonly<Record<string, string | undefined>>): OnFailpoint {
  const wanted = env['P2P_PLAYGROUND_FAILPOINT']
  if (wanted === undefined) return () => undefined
  return (step) => {
    if (step === wanted) process.kill(process.pid, 'SIGKILL')
  }
}
