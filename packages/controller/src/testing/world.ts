import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { Clock, Control } from '@p2p-playground/core'
import { packDirectory, signingKeyOf } from '@p2p-playground/core/bundle'
import { resolveHome } from '@p2p-playground/core/config'
import type { Home } from '@p2p-playground/core/config'
import { silent } from '@p2p-playground/p2p/testing'
import { createControl } from '../create-control.js'
import { FakeNode } from './fake-node.js'
import type { FakeNodeOptions } from './fake-node.js'

/** A home for controllers, and nodes for them. Everything ends with `dispose`. */
export class World {
  readonly home: Home
  readonly dir: string
  readonly #closers: (() => Promise<void>)[] = []

  private constructor(dir: string) {
    this.dir = dir
    this.home = resolveHome({ P2P_PLAYGROUND_HOME: join(dir, 'home') })
  }

  static async make(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), 'world-')))
  }

  async node(options: FakeNodeOptions): Promise<FakeNode> {
    const made = await FakeNode.start(options)
    this.onEnd(() => made.dispose())
    return made
  }

  /** A controller of this home; `known` are the addresses that its configuration names. */
  async control(
    known: readonly string[] = [],
    { clock = systemClock, mdns = false }: { readonly clock?: Clock; readonly mdns?: boolean } = {},
  ): Promise<Control> {
    const control = await createControl({
      home: this.home,
      config: {
        name: 'test',
        p2p: {
          listenAddresses: [],
          bootstrapPeers: known,
          enableMdns: mdns,
          psk: [],
          allowedPeers: [],
        },
        signingKey: undefined,
      },
      logger: silent,
      clock,
    })
    this.onEnd(() => control.close())
    return control
  }

  /** A package, signed by a key that nobody knows: only nodes ask whose it is. */
  async packageFile(
    app: string,
    version = '1.0.0',
    isSigned = true,
    program: Uint8Array = Buffer.alloc(300_000, 'some of the app '),
  ): Promise<string> {
    const dir = join(this.dir, `${app}-${version}`)
    await mkdir(dir, { recursive: true })
    const manifest = `name: ${app}\nversion: "${version}"\nentrypoint: run\n`
    await writeFile(join(dir, 'manifest.yaml'), manifest)
    await writeFile(join(dir, 'run'), program, { mode: 0o755 })
    const key = signingKeyOf(generateKeyPairSync('ed25519').privateKey, 'a test')
    const outPath = `${dir}.p2p`
    return (await packDirectory({ dir, outPath, ...(isSigned ? { key } : {}) })).path
  }

  onEnd(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  async dispose(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    await rm(this.dir, { recursive: true, force: true })
  }
}
