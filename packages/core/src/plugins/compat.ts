/** Version of the plugin contract that this core speaks. */
export const PLUGIN_API = '1.0'

/** A plugin fits when its major is the host's and its minor is not above the host's. */
export function isCompatible(api: string, host: string = PLUGIN_API): boolean {
  const [major, minor] = parts(api)
  const [hostMajor, hostMinor] = parts(host)
  return major === hostMajor && minor <= hostMinor
}

/** True when a plugin that does not fit was written for a later contract than ours. */
export function isNewer(api: string): boolean {
  const [major, minor] = parts(api)
  const [hostMajor, hostMinor] = parts(PLUGIN_API)
  return major > hostMajor || (major === hostMajor && minor > hostMinor)
}

function parts(version: string): [number, number] {
  const match = /^(\d+)\.(\d+)$/.exec(version)
  return match === null ? [NaN, NaN] : [Number(match[1]), Number(match[2])]
}
