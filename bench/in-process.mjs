// A controller in this process: for what would be lost in the start of a command line.

/** Speaks to the daemons that a home knows. Close it. */
export async function openControl(homeDir) {
  const { createControl } = await import('@p2p-playground/controller')
  const { loadControllerConfig } = await import('@p2p-playground/controller/config')
  const { systemClock } = await import('@p2p-playground/core')
  const { resolveHome } = await import('@p2p-playground/core/config')
  const env = { ...process.env, P2P_PLAYGROUND_HOME: homeDir }
  const home = resolveHome(env)
  const { config } = await loadControllerConfig({ home, env })
  const quiet = () => undefined
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger }
  return createControl({ home, config, logger, clock: systemClock })
}
