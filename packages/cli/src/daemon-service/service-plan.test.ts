import { spawnSync } from 'node:child_process'
import { resolveHome } from '@p2p-playground/core/home'
import { describe, expect, test } from 'vitest'
import { MARKER } from './service-facts.js'
import { planService } from './service-plan.js'
import type { ServicePlan, ServiceRequest } from './service-plan.js'

function plan(patch: Partial<ServiceRequest> = {}, env: Record<string, string> = {}): ServicePlan {
  const all = { HOME: '/home/ann', ...env }
  return planService({
    home: resolveHome(all),
    env: all,
    isRoot: true,
    program: ['/opt/node', '/opt/p2p.js'],
    kind: 'systemd',
    dir: undefined,
    name: 'p2p-playground-daemon',
    config: undefined,
    environment: undefined,
    ...patch,
  })
}

/** Paths that a unit or a shell could take for something else. */
const ODD = `/srv/a b/50%/$HOME/it's "x"\\`

describe('where it is written', () => {
  test.each<[string, Partial<ServiceRequest>, Record<string, string>, string]>([
    ['root', {}, {}, '/etc/systemd/system/p2p-playground-daemon.service'],
    [
      'a user with an XDG directory',
      { isRoot: false },
      { XDG_CONFIG_HOME: '/x' },
      '/x/systemd/user/p2p-playground-daemon.service',
    ],
    ['root without systemd', { kind: 'sh' }, {}, '/usr/local/bin/p2p-playground-daemon'],
    [
      'a user without systemd',
      { kind: 'sh', isRoot: false },
      {},
      '/home/ann/.local/share/p2p-playground/p2p-playground-daemon',
    ],
    [
      'a user with one home',
      { kind: 'sh', isRoot: false },
      { P2P_PLAYGROUND_HOME: '/h' },
      '/h/p2p-playground-daemon',
    ],
    ['a directory of choice', { dir: '/units', name: 'beta' }, {}, '/units/beta.service'],
  ])('%s', (_who, patch, env, path) => {
    expect(plan(patch, env).path).toBe(path)
  })
})

test('both begin with the mark and the home', () => {
  for (const kind of ['systemd', 'sh'] as const) {
    const { text } = plan({ kind }, { P2P_PLAYGROUND_HOME: '/h' })
    expect(text.split('\n').slice(0, 3)).toContain(MARKER)
    expect(text.split('\n').slice(0, 3)).toContain('# Home: /h')
  }
})

test('the unit leaves apps alone, and comes back', () => {
  const { text } = plan()
  for (const line of [
    'ExecStart=/opt/node /opt/p2p.js daemon start --foreground',
    'Environment=HOME=/home/ann',
    'KillMode=process',
    'Delegate=yes',
    'Restart=always',
    'OOMPolicy=continue',
    'MemoryHigh=90%',
    'LimitNOFILE=65536',
    'WantedBy=multi-user.target',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('the unit of a user asks for nothing that only root may', () => {
  const { text } = plan({ isRoot: false })
  expect(text).toContain('WantedBy=default.target')
  expect(text).not.toMatch(/^(CapabilityBoundingSet|Wants|After)=/m)
})

test('configuration and environment of the command go along', () => {
  const { text } = plan(
    { config: '/etc/d.yaml', environment: 'prod' },
    { P2P_PLAYGROUND_ENV: 'test', P2P_PLAYGROUND_HOME: '/h' },
  )
  expect(text).toContain('--foreground --config /etc/d.yaml --env prod\n')
  expect(text).toContain('Environment=P2P_PLAYGROUND_ENV=test\n')
  expect(text).not.toContain('=HOME=')
})

test('where plugins are goes along when it is not the usual place', () => {
  const name = 'P2P_PLAYGROUND_DATA_DIR'
  const env = { P2P_PLAYGROUND_HOME: '/h' }
  expect(plan({}, { ...env, [name]: '/h/oclif' }).text).not.toContain(name)
  expect(plan({}, { ...env, [name]: '/p' }).text).toContain(`Environment=${name}=/p\n`)
})

test('odd paths are one word in a unit', () => {
  const { text } = plan({ program: [ODD, '/p.js'] }, { P2P_PLAYGROUND_HOME: ODD })
  const escaped = String.raw`it's \"x\"\\`
  expect(text).toContain(`ExecStart="/srv/a b/50%%/$$HOME/${escaped}" /p.js daemon`)
  expect(text).toContain(`Environment="P2P_PLAYGROUND_HOME=/srv/a b/50%%/$HOME/${escaped}"\n`)
})

test('odd paths are one word in a shell', () => {
  const { text } = plan({ kind: 'sh', program: [ODD, '/p.js'] }, { P2P_PLAYGROUND_HOME: ODD })
  expect(spawnSync('sh', ['-n'], { input: text }).status).toBe(0)
  const assignment = /^P2P_PLAYGROUND_HOME=.*$/m.exec(text)?.[0] ?? ''
  const { stdout } = spawnSync('sh', ['-c', `${assignment}\nprintf %s "$P2P_PLAYGROUND_HOME"`])
  expect(stdout.toString()).toBe(ODD)
})

test.each<[string, Partial<ServiceRequest>, Record<string, string>]>([
  ['a name with a slash', { name: '../x' }, {}],
  ['an empty name', { name: '' }, {}],
  ['a path of two lines', {}, { P2P_PLAYGROUND_HOME: '/a\nRestart=no' }],
])('%s is refused', (_what, patch, env) => {
  expect(() => plan(patch, env)).toThrow(expect.objectContaining({ code: 'USAGE' }))
})
