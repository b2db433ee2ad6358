import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cliOk } from './command.js'
import { writeApp } from './machines.js'
import type { Machine, Machines } from './machines.js'

/** Packs the app `big`, which is that many random bytes and sleeps; gives the path of the package. */
export async function packBig(
  machines: Machines,
  packer: Machine,
  { version, sizeBytes }: { readonly version: string; readonly sizeBytes: number },
): Promise<string> {
  const dir = writeApp(machines.base, {
    name: 'big',
    version,
    script: 'exec sleep 600',
    files: { payload: randomBytes(sizeBytes) },
  })
  const bundle = machines.path(`big-${version}.p2p`)
  await cliOk(packer, 'pack', dir, '--out', bundle)
  return bundle
}

/** Bytes on disk of the unfinished transfers of a home. */
export function arrivedBytes(home: string): number {
  const dir = join(home, 'incoming')
  if (!existsSync(dir)) return 0
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).blocks * 512, 0)
}
