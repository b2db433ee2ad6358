import { describe, expect, it } from 'vitest'
import { loadTrustedKeys } from '../trusted-keys.js'
import { KEY, PSK, configOfEachTest } from './load.test.support.js'

const { inDir, write, load } = configOfEachTest()

describe('loadDaemonConfig', () => {
  it('has safe defaults without any file', async () => {
    const { config, files } = await load()
    expect(files).toEqual([])
    expect(config).toMatchObject({
      p2p: { listenAddresses: ['/ip4/0.0.0.0/tcp/0'], enableMdns: true, psk: [] },
      security: { trustedPublicKeys: [] },
      runtime: { default: 'process', appDir: inDir('apps'), maxApps: 10 },
      logging: { level: 'info', maxSizeBytes: 104_857_600 },
    })
    expect(config.plugins.map((plugin) => plugin.use)).toContain('@p2p-playground/runtime-process')
  })

  it('loads the whole sample of the reference', async () => {
    write(
      'daemon.yaml',
      `node:
  name: test-node-1
  labels: { env: test, region: cn-north }
p2p:
  listen_addresses: ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic"]
  enable_mdns: true
  bootstrap_peers: []
  announce_addresses: []
  psk: ${PSK}
  allowed_peers: []
  relay: { client: true, server: false }
security:
  trusted_public_keys:
    - { name: team-lead, key_type: ed25519, public_key: ${KEY}, roles: [publish, operate, observe], apps: ["*"], not_after: 2030-01-01T00:00:00Z }
  revoked_keys: []
runtime:
  default: process
  app_dir: apps-here
  log_dir: /var/log/p2p-playground
  max_apps: 10
  keep_versions: 5
  default_limits: { cpu: "1.0", memory: 1Gi, pids: 512 }
  sandbox: auto
  update_policy: immediate
logging:
  level: info
  max_size: 100Mi
  max_age_days: 7
  redact: ["token=\\\\S+"]
  sinks: [loki]
plugins:
  - use: "@p2p-playground/health-http"
    config: {}
`,
    )
    const loaded = await load()
    expect(loaded.config.node).toEqual({
      name: 'test-node-1',
      labels: { env: 'test', region: 'cn-north' },
    })
    expect(loaded.config.p2p.listenAddresses[1]).toBe('/ip4/0.0.0.0/udp/4001/quic-v1')
    expect(loaded.config.p2p.psk.map((psk) => Buffer.from(psk).toString('hex'))).toEqual([PSK])
    expect(loaded.config.runtime.appDir).toBe(inDir('apps-here'))
    expect(loaded.warnings).toEqual([
      'p2p.relay has no effect in this version',
      expect.stringMatching(/"\/quic" is read as "\/quic-v1"/),
    ])
    expect(loaded.config.logging.sinks).toEqual([
      { name: 'loki', kinds: ['app', 'daemon', 'event'], path: ['logging', 'sinks', 0] },
    ])
    expect(loadTrustedKeys(loaded)).toHaveLength(1)
  })

  it('reads which sinks get which kinds of logs, and what is kept for them', async () => {
    write(
      'daemon.yaml',
      'logging:\n  max_size: 10Mi\n  sinks: [loki, { name: s3, kinds: [app] }, { name: http }]\n',
    )
    const { config } = await load()
    expect(config.logging).toMatchObject({ maxUnshippedBytes: 20 * 1024 * 1024 })
    expect(config.logging.sinks).toEqual([
      { name: 'loki', kinds: ['app', 'daemon', 'event'], path: ['logging', 'sinks', 0] },
      { name: 's3', kinds: ['app'], path: ['logging', 'sinks', 1, 'name'] },
      { name: 'http', kinds: ['app', 'daemon', 'event'], path: ['logging', 'sinks', 2, 'name'] },
    ])
    write('daemon.yaml', 'logging: { max_unshipped: 1Gi }\n')
    expect((await load()).config.logging.maxUnshippedBytes).toBe(1024 ** 3)
  })

  it('lays an environment over the base: maps merge, lists replace', async () => {
    write(
      'daemon.yaml',
      'node: { name: base, labels: { a: "1", b: "1" } }\nlogging: { redact: [x, y] }\n',
    )
    write('daemon.prod.yaml', 'node: { labels: { b: "2" } }\nlogging: { redact: [z] }\n')
    const { config, files } = await load({ P2P_PLAYGROUND_ENV: 'prod' })
    expect(config.node).toEqual({ name: 'base', labels: { a: '1', b: '2' } })
    expect(config.logging.redact).toEqual(['z'])
    expect(files).toHaveLength(2)
  })

  it.each([
    ['"a,b"', 'must have no comma: "--nodes a,b" means two nodes'],
    ['" a"', 'must have no space at its ends'],
    ['"a\\tb"', 'must have no control characters'],
    ['"  "', 'must not be empty'],
  ])('refuses the name %s, which no --nodes could select', async (name, says) => {
    const file = write('daemon.yaml', `node:\n  name: ${name}\n`)
    await expect(load({})).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${file}:2:3: "node.name": ${says}`,
    })
  })

  it.each(['node-1', 'Büro 2', 'a.b_c'])('takes the name %s', async (name) => {
    write('daemon.yaml', `node: { name: ${name} }\n`)
    expect((await load({})).config.node.name).toBe(name)
  })

  it('expands variables and says where each value comes from, secrets masked', async () => {
    write('daemon.yaml', `node: { name: "\${WHO}-\${WHERE:-here}" }\np2p: { psk: ${PSK} }\n`)
    const { config, shown } = await load({ WHO: 'me' })
    expect(config.node.name).toBe('me-here')
    const origins = Object.fromEntries(shown.map((value) => [value.key, value]))
    expect(origins['node.name']?.origin).toMatch(
      /daemon\.yaml:1:9 \(\$WHO\) \(default of \$WHERE\)$/,
    )
    expect(origins['p2p.psk']?.value).toBe('********')
    expect(origins['logging.level']?.origin).toBe('default')
  })

  it('takes a variable for a boolean where one is asked for, and for text elsewhere', async () => {
    write('daemon.yaml', 'node: { name: "${NAME}" }\np2p: { enable_mdns: "${MDNS}" }\n')
    const { config } = await load({ NAME: '7', MDNS: 'false' })
    expect(config.node.name).toBe('7')
    expect(config.p2p.enableMdns).toBe(false)
  })

  it('refuses a variable that is no boolean where one is asked for', async () => {
    write('daemon.yaml', 'p2p: { enable_mdns: "${MDNS}" }\n')
    await expect(load({ MDNS: 'perhaps' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('must be true or false') as string,
    })
  })

  it.each([
    [
      'an unknown key',
      'node: { nmae: x }',
      'CONFIG_UNKNOWN_KEY',
      /daemon\.yaml:1:9: unknown key "node\.nmae"/,
    ],
    ['a wrong type', 'node: { name: [x] }', 'CONFIG_INVALID', /daemon\.yaml:1:9: /],
    [
      'memory without its unit',
      'runtime: { default_limits: { memory: 512 } }',
      'CONFIG_INVALID',
      /daemon\.yaml:1:30: .*must be at least 1Mi/,
    ],
    ['no YAML', 'node: {', 'CONFIG_YAML', /daemon\.yaml:/],
    ['a list at the top', '- a', 'CONFIG_YAML', /not a map/],
    [
      'a variable that is not set',
      'node: { name: "${NOBODY_SET_THIS}" }',
      'CONFIG_ENV_MISSING',
      /NOBODY_SET_THIS/,
    ],
    [
      'a PSK of 62 characters',
      `p2p: { psk: ${'ab'.repeat(31)} }`,
      'CONFIG_PSK',
      /62 hex characters/,
    ],
    ['a PSK of words', 'p2p: { psk: your-psk-here }', 'CONFIG_PSK', /not hex/],
    ['three PSKs', `p2p: { psk: [${PSK}, ${PSK}, ${PSK}] }`, 'CONFIG_INVALID', /p2p\.psk/],
    ['three PSK files', 'p2p: { psk_file: [a, b, c] }', 'CONFIG_INVALID', /p2p\.psk_file/],
    ['no PSK file', 'p2p: { psk_file: [] }', 'CONFIG_INVALID', /p2p\.psk_file/],
    [
      'an address that is none',
      'p2p: { listen_addresses: [localhost] }',
      'CONFIG_INVALID',
      /multiaddr/,
    ],
    [
      'a port above 65535',
      'p2p:\n  listen_addresses: [/ip4/127.0.0.1/tcp/65536]',
      'CONFIG_INVALID',
      /daemon\.yaml:2:22: "p2p\.listen_addresses\.0": "65536" is no port/,
    ],
    [
      'a pattern that is none',
      'logging: { redact: ["("] }',
      'CONFIG_INVALID',
      /regular expression/,
    ],
  ])('refuses %s', async (_name, text, code, message) => {
    write('daemon.yaml', text)
    await expect(load()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([
    ['a named file', { config: '/nowhere/daemon.yaml', env: {} }],
    [
      'a file of the environment',
      { config: undefined, env: { P2P_PLAYGROUND_CONFIG: '/nowhere/daemon.yaml' } },
    ],
  ])('says that %s is not there', async (_name, { config, env }) => {
    await expect(load(env as unknown as Record<string, string>, config)).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
    })
  })

  it('says that an overlay is not there', async () => {
    write('daemon.yaml', '')
    await expect(load({ P2P_PLAYGROUND_ENV: 'prod' })).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
    })
  })

  it('says that a file cannot be read', async () => {
    const path = inDir('daemon.yaml')
    await import('node:fs/promises').then((fs) => fs.mkdir(path))
    await expect(load()).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' })
  })
})
