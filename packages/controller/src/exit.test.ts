import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { World } from './testing/world.js'

/** As a program that does not call process.exit: it ends when nothing is open any more. */
const PROGRAM = `
import { createControl } from '@p2p-playground/controller'
import { systemClock } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
const quiet = () => undefined
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger }
const p2p = { listenAddresses: [], bootstrapPeers: [process.argv[1]], enableMdns: true, psk: [], allowedPeers: [] }
const config = { name: 'test', p2p, signingKey: undefined }
const control = await createControl({ home: resolveHome(process.env), config, logger, clock: systemClock })
const signal = AbortSignal.timeout(8000)
const query = { app: 'web', target: { nodes: ['one'] }, follow: true }
for await (const followed of control.logs(query, signal)) {
  process.stdout.write(followed.item.line)
  break
}
await control.close()
`

it('leaves nothing open: a program that closes it ends by itself', async () => {
  const world = await World.make()
  try {
    const one = await world.node({ name: 'one' })
    one.install('web')
    one.write('hello')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM, one.address],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: { ...process.env, P2P_PLAYGROUND_HOME: world.home.config },
        timeout: 10_000,
      },
    )
    expect(stdout).toBe('hello')
  } finally {
    await world.dispose()
  }
})
