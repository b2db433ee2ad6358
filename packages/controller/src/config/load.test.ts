import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateSigningKey } from '@p2p-playground/core/bundle'
import type { KeyType } from '@p2p-playground/core/bundle'
import { resolveHome } from '@p2p-playground/core/config'
import { loadControllerConfig, loadControllerKey } from './index.js'
import type { LoadedControllerConfig } from './index.js'

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-config-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

const PSK = 'ab'.repeat(32)

function write(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

function writeKey(name: string, type: KeyType, mode = 0o600): string {
  return write(name, generateSigningKey(type).privatePem, mode)
}

async function load(): Promise<LoadedControllerConfig> {
  const env = { P2P_PLAYGROUND_HOME: dir }
  return loadControllerConfig({ home: resolveHome(env), env })
}

/** Type of the key that the configuration gives; undefined without one. */
async function keyType(): Promise<KeyType | undefined> {
  const { config } = await load()
  return config.signingKey === undefined
    ? undefined
    : (await loadControllerKey(config.signingKey)).type
}

describe('loadControllerConfig', () => {
  it('has safe defaults without any file', async () => {
    const { config, files } = await load()
    expect(files).toEqual([])
    expect(config).toEqual({
      name: 'controller',
      p2p: { listenAddresses: [], bootstrapPeers: [], enableMdns: true, psk: [], allowedPeers: [] },
      signingKey: undefined,
    })
  })

  it('takes the key and the PSK beside it where there is no file', async () => {
    writeKey('signing.key', 'rsa')
    write('swarm.key', PSK)
    const { config } = await load()
    expect(config.p2p.psk).toHaveLength(1)
    expect(await keyType()).toBe('rsa')
  })

  it('loads the whole sample of the reference', async () => {
    mkdirSync(join(dir, 'keys'))
    writeKey('keys/lead.key', 'ed25519')
    write(
      'controller.yaml',
      `controller: { name: dev-controller }
p2p:
  listen_addresses: ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic"]
  enable_mdns: false
  bootstrap_peers: ["/ip4/127.0.0.1/tcp/4002"]
  announce_addresses: []
  psk: ${PSK}
  allowed_peers: []
  relay: { client: true, server: false }
security: { signing_key_path: keys/lead.key, signing_key_type: ed25519 }
api:
  grpc: { enabled: true, listen: "127.0.0.1:9090" }
  http: { enabled: true, listen: "127.0.0.1:8080" }
  web:  { enabled: true, listen: "127.0.0.1:3000" }
  tls: { cert: tls/cert.pem, key: tls/key.pem }
  tokens_file: tokens.yaml
`,
    )
    const { config, warnings } = await load()
    expect(config).toMatchObject({
      name: 'dev-controller',
      p2p: {
        listenAddresses: ['/ip4/0.0.0.0/tcp/4001', '/ip4/0.0.0.0/udp/4001/quic-v1'],
        bootstrapPeers: ['/ip4/127.0.0.1/tcp/4002'],
        enableMdns: false,
      },
      signingKey: { path: join(dir, 'keys/lead.key'), type: 'ed25519' },
    })
    expect(config.p2p.psk).toHaveLength(1)
    expect(warnings).toEqual([
      'p2p.relay, api.grpc, api.http, api.web, api.tls, api.tokens_file have no effect in this version',
      expect.stringMatching(/"\/quic" is read as "\/quic-v1"/),
    ])
    expect(await keyType()).toBe('ed25519')
  })

  it.each([
    ['api: { grpc: { enabled: false } }', 'api.grpc'],
    ['api: { http: {} }', 'api.http'],
    ['api: { insecure: true }', 'api.insecure'],
    ['p2p: { announce_addresses: [/ip4/127.0.0.1/tcp/1] }', 'p2p.announce_addresses'],
  ])('warns that %s does nothing', async (yaml, key) => {
    write('controller.yaml', `${yaml}\n`)
    expect((await load()).warnings).toEqual([`${key} has no effect in this version`])
  })

  it('does not warn of what is not set', async () => {
    write('controller.yaml', 'p2p: { announce_addresses: [] }\napi: {}\n')
    expect((await load()).warnings).toEqual([])
  })

  it('masks the PSK and says where each value comes from', async () => {
    write('controller.yaml', `p2p: { psk: ${PSK} }\n`)
    const { shown } = await load()
    expect(shown).toContainEqual({
      key: 'p2p.psk',
      value: '********',
      origin: `${join(dir, 'controller.yaml')}:1:8`,
    })
  })

  it.each([
    ['an unknown key', 'security: { signing_key: x }', 'CONFIG_UNKNOWN_KEY', /:1:13: unknown key/],
    ['another type of key', 'security: { signing_key_type: dsa }', 'CONFIG_INVALID', /:1:13: /],
    ['a PSK of words', 'p2p: { psk: your-psk-here }', 'CONFIG_PSK', /:1:8: .*not hex/],
  ])('refuses %s', async (_name, text, code, message) => {
    write('controller.yaml', text)
    await expect(load()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('the signing key', () => {
  const NAMED = 'security: { signing_key_path: lead.key }\n'

  it('of controller.yaml must be there', async () => {
    writeKey('signing.key', 'ed25519')
    write('controller.yaml', NAMED)
    await expect(keyType()).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: `${join(dir, 'controller.yaml')}:1:13: there is no file ${join(dir, 'lead.key')}`,
    })
  })

  it('of the home is used where controller.yaml names none, and need not be there', async () => {
    write('controller.yaml', 'controller: { name: x }\n')
    expect(await keyType()).toBeUndefined()
    writeKey('signing.key', 'rsa')
    expect(await keyType()).toBe('rsa')
  })

  it.each([
    [
      'rsa',
      'ed25519',
      'security:\n  signing_key_type: rsa\n  signing_key_path: lead.key\n',
      ':3:3',
    ],
    ['ed25519, the default', 'rsa', NAMED, ':1:13'],
    ['rsa, for that of the home', 'ed25519', 'security: { signing_key_type: rsa }\n', ':1:1'],
  ] as const)('is refused when it is not %s', async (_said, type, text, place) => {
    writeKey('lead.key', type)
    writeKey('signing.key', type)
    write('controller.yaml', text)
    await expect(keyType()).rejects.toMatchObject({
      code: 'CONFIG_KEY',
      message: expect.stringContaining(`controller.yaml${place}: `) as string,
      hint: expect.stringContaining(`"signing_key_type: ${type}"`) as string,
    })
  })

  it('may be RSA where controller.yaml says so', async () => {
    writeKey('lead.key', 'rsa')
    write('controller.yaml', 'security: { signing_key_path: lead.key, signing_key_type: rsa }\n')
    expect(await keyType()).toBe('rsa')
  })

  it.each([
    ['others can read', 'CONFIG_PERMISSIONS', () => writeKey('lead.key', 'ed25519', 0o644)],
    ['is no key', 'CONFIG_KEY', () => write('lead.key', 'nonsense')],
  ])('that %s is refused with the place that names it', async (_name, code, make) => {
    make()
    write('controller.yaml', NAMED)
    await expect(keyType()).rejects.toMatchObject({
      code,
      message: expect.stringContaining('controller.yaml:1:13: ') as string,
    })
  })
})
