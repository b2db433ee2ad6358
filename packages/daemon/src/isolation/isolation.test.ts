import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { resolveHome } from '@p2p-playground/core/config'
import type { Home } from '@p2p-playground/core/config'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadDaemonConfig } from '../config/index.js'
import { DynamicUsers } from './dynamic-users.js'
import { openIsolation } from './isolation.js'
import type { Isolation } from './isolation.js'

let dir: string
let home: Home

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-isolation-'))
  home = resolveHome({ P2P_PLAYGROUND_HOME: join(dir, 'home') })
  mkdirSync(home.state, { recursive: true, mode: 0o700 })
  for (const path of [dir, join(dir, 'home')]) chmodSync(path, 0o700)
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

async function open(
  yaml: string,
  on: { isRoot?: boolean; procDir?: string } = {},
): Promise<Isolation> {
  writeFileSync(home.daemonConfig, yaml)
  const env = { P2P_PLAYGROUND_HOME: join(dir, 'home') }
  return openIsolation(await loadDaemonConfig({ home, env }), home, { isRoot: true, ...on })
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

it('gives apps no user and no sandbox by default, and changes no mode', async () => {
  const isolation = await open('')
  expect(await isolation.of('web')).toMatchObject({ sandbox: 'off', user: undefined })
  expect(modeOf(join(dir, 'home'))).toBe('700')
})

it('hides the directories of the daemon', async () => {
  const isolation = await open('runtime: { sandbox: required, log_dir: /var/log/elsewhere }\n')
  const { sandbox, hiddenDirs } = await isolation.of('web')
  expect(sandbox).toBe('required')
  expect(hiddenDirs).toEqual([
    '/etc/p2p-playground',
    join(dir, 'home'),
    home.apps,
    '/var/log/elsewhere',
  ])
})

it('hides its configuration wherever that is: what was read, and what lies closed beside it', async () => {
  const elsewhere = join(dir, 'elsewhere')
  mkdirSync(elsewhere)
  const write = (name: string, text: string, mode: number): string => {
    writeFileSync(join(elsewhere, name), text, { mode })
    return join(elsewhere, name)
  }
  write('daemon.yaml', 'p2p: { psk_file: ../swarm.key }\n', 0o644)
  write('daemon.prod.yaml', 'runtime: { sandbox: auto }\n', 0o644)
  write('daemon.test.yaml', 'node: { name: y }\n', 0o600)
  write('program', '', 0o755)
  writeFileSync(join(dir, 'swarm.key'), 'ab'.repeat(32), { mode: 0o600 })
  const env = { P2P_PLAYGROUND_HOME: join(dir, 'home') }
  const request = { home, env, config: elsewhere, environment: 'prod' }
  const isolation = await openIsolation(await loadDaemonConfig(request), home)
  write('made-later.key', '', 0o600)
  const { hiddenFiles = [] } = await isolation.of('web')
  expect([...hiddenFiles].sort()).toEqual(
    [
      ...['daemon.yaml', 'daemon.prod.yaml', 'daemon.test.yaml', 'made-later.key'].map((name) =>
        join(elsewhere, name),
      ),
      join(dir, 'swarm.key'),
    ].sort(),
  )
})

describe('with a user', () => {
  beforeEach(() => {
    chmodSync(dir, 0o711)
  })

  it('refuses a daemon that is not root, with the line', async () => {
    await expect(open('runtime:\n  user: nobody\n', { isRoot: false })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/daemon\.yaml:2:\d+: runtime\.user needs a daemon/) as string,
    })
  })

  it('refuses a user that is not there', async () => {
    await expect(open('runtime: { user: no-such-user-here }\n')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('there is no user "no-such-user-here"') as string,
    })
  })

  it.each([
    [
      'dynamic',
      'uid_map',
      /runtime\.user: dynamic gives uids from 1900000000 on, which .+ not have/,
    ],
    ['100000', 'uid_map', /there is no uid 100000 in this container/],
    ['12345', 'gid_map', /there is no gid 12345 in this container/],
  ])('refuses %s where the %s of a container has no such number', async (user, narrow, message) => {
    for (const map of ['uid_map', 'gid_map'])
      writeFileSync(
        join(dir, map),
        map === narrow ? '  0 1000 1\n  1 100000 9999\n' : ' 0 0 4294967295\n',
      )
    await expect(open(`runtime: { user: ${user} }\n`, { procDir: dir })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
      at: { line: 1 },
    })
    await open('runtime: { user: 9999 }\n', { procDir: dir })
  })

  it('refuses a place that the user cannot reach', async () => {
    chmodSync(dir, 0o700)
    await expect(open('runtime: { user: dynamic }\n')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`${dir} is closed to others`) as string,
      hint: expect.stringContaining('runtime.app_dir') as string,
    })
  })

  it('lets others pass to the apps, and see nothing', async () => {
    await open('runtime: { user: dynamic }\n')
    expect([join(dir, 'home'), home.apps, home.state].map(modeOf)).toEqual(['711', '711', '700'])
  })

  it('takes a user by name and by number', async () => {
    const { username, uid, gid } = userInfo()
    const byName = await open(`runtime: { user: ${username} }\n`)
    expect((await byName.of('web')).user).toEqual({ uid, gid })
    const byNumber = await open(`runtime: { user: ${String(uid)} }\n`)
    expect((await byNumber.of('web')).user).toEqual({ uid, gid })
    const ofNobody = await open('runtime: { user: 1899999999 }\n')
    expect((await ofNobody.of('web')).user).toEqual({ uid: 1_899_999_999, gid: 1_899_999_999 })
  })

  it('gives each app one of its own, the same after a restart', async () => {
    const first = await open('runtime: { user: dynamic }\n')
    const web = (await first.of('web')).user
    const db = (await first.of('db')).user
    expect(web).toEqual({ uid: 1_900_000_000, gid: 1_900_000_000 })
    expect(db?.uid).toBe(1_900_000_001)
    const next = await open('runtime: { user: dynamic }\n')
    expect((await next.of('db')).user).toEqual(db)
    expect((await next.of('web')).user).toEqual(web)
  })
})

describe('DynamicUsers', () => {
  it('gives no number twice, however many ask at once', async () => {
    const users = await DynamicUsers.open(home.appUsers)
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => users.of(`app-${String(index % 10)}`)),
    )
    expect(new Set(all.map(({ uid }) => uid)).size).toBe(10)
    const saved = JSON.parse(readFileSync(home.appUsers, 'utf8')) as Record<string, number>
    expect(new Set(Object.values(saved)).size).toBe(10)
  })

  it('goes on once it can write again, and gives nobody a number that was not saved', async () => {
    const users = await DynamicUsers.open(home.appUsers)
    const web = await users.of('web')
    // Whatever is written there finds no space left.
    symlinkSync('/dev/full', `${home.appUsers}.new`)
    const asked = ['db', 'db', 'mail'].map(async (app) => users.of(app))
    for (const answer of await Promise.allSettled(asked))
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'STATE_DISK' } })
    expect(await users.of('web')).toEqual(web)
    rmSync(`${home.appUsers}.new`)
    expect((await users.of('mail')).uid).toBe(web.uid + 1)
    const saved = JSON.parse(readFileSync(home.appUsers, 'utf8')) as Record<string, number>
    expect(saved).toEqual({ web: web.uid, mail: web.uid + 1 })
  })

  it('refuses a file that is damaged, instead of giving numbers away again', async () => {
    writeFileSync(home.appUsers, '{"web": 0}')
    await expect(DynamicUsers.open(home.appUsers)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  })
})
