import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findFiles } from './find-files.js'
import { resolveHome } from './home.js'

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-find-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

const XDG = 'xdg/p2p-playground/daemon.yaml'
const ETC = 'etc/daemon.yaml'

function write(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(dir, file)), { recursive: true })
    writeFileSync(join(dir, file), '')
  }
}

/** What is found below the directory of the test; `env` names paths in it. */
function find(
  env: Readonly<Record<string, string>>,
  {
    name = 'daemon',
    config,
    environment,
  }: { readonly name?: string; readonly config?: string; readonly environment?: string } = {},
): string[] {
  const all = {
    XDG_CONFIG_HOME: join(dir, 'xdg'),
    ...Object.fromEntries(Object.entries(env).map(([name, path]) => [name, join(dir, path)])),
  }
  const named = config === undefined ? undefined : join(dir, config)
  const request = { home: resolveHome(all), env: all, config: named, environment }
  return findFiles(name, request, join(dir, 'etc')).map((path) => path.slice(dir.length + 1))
}

describe('without a home', () => {
  it.each([
    ['the XDG directory before /etc', [XDG, ETC], [XDG]],
    ['the XDG directory', [XDG], [XDG]],
    ['/etc where the XDG directory has none', [ETC], [ETC]],
    [
      '/etc where the XDG directory has only the other file',
      ['xdg/p2p-playground/controller.yaml', ETC],
      [ETC],
    ],
    ['nothing where there is none', [], []],
  ])('%s', (_name, there, found) => {
    write(...there)
    expect(find({})).toEqual(found)
  })

  it('looks for the overlay beside the file that is taken', () => {
    write(ETC, 'etc/daemon.prod.yaml')
    expect(find({}, { environment: 'prod' })).toEqual([ETC, 'etc/daemon.prod.yaml'])
    write(XDG)
    expect(() => find({}, { environment: 'prod' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND' }),
    )
  })
})

describe('with a home', () => {
  it('only that is looked into: homes beside each other have nothing in common', () => {
    write(XDG, ETC)
    expect(find({ P2P_PLAYGROUND_HOME: 'home' })).toEqual([])
    write('home/daemon.yaml')
    expect(find({ P2P_PLAYGROUND_HOME: 'home' })).toEqual(['home/daemon.yaml'])
  })

  it.each([
    ['--config', { config: 'flag.yaml' }, 'flag.yaml'],
    ['$P2P_PLAYGROUND_CONFIG', {}, 'named.yaml'],
  ])('%s comes before it', (_name, flags, found) => {
    write('flag.yaml', 'named.yaml', 'home/daemon.yaml', XDG, ETC)
    const env = { P2P_PLAYGROUND_HOME: 'home', P2P_PLAYGROUND_CONFIG: 'named.yaml' }
    expect(find(env, flags)).toEqual([found])
  })
})

describe('a directory that is named', () => {
  const NAMED: [string, Readonly<Record<string, string>>, { config?: string }][] = [
    ['--config', {}, { config: 'named' }],
    ['$P2P_PLAYGROUND_CONFIG', { P2P_PLAYGROUND_CONFIG: 'named' }, {}],
    [
      'the other file of it in $P2P_PLAYGROUND_CONFIG',
      { P2P_PLAYGROUND_CONFIG: 'named/controller.yaml' },
      {},
    ],
  ]

  it.each(NAMED)('must have daemon.yaml in it for a daemon: %s', (_name, env, flags) => {
    write('named/controller.yaml', XDG, ETC)
    expect(() => find(env, flags)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NOT_FOUND',
        message: `there is no daemon.yaml in ${join(dir, 'named')}`,
        hint: expect.stringMatching(/init --home \S+named.* join /) as string,
      }),
    )
    write('named/daemon.yaml')
    expect(find(env, flags)).toEqual(['named/daemon.yaml'])
  })

  it.each(NAMED.slice(0, 2))('need not have controller.yaml in it: %s', (_name, env, flags) => {
    write('named/daemon.yaml', 'xdg/p2p-playground/controller.yaml', 'etc/controller.yaml')
    expect(find(env, { ...flags, name: 'controller' })).toEqual([])
  })

  it('must have it too where only the controller has something to say about an environment', () => {
    write('named/controller.yaml', 'named/controller.prod.yaml')
    const flags = { config: 'named', environment: 'prod' }
    expect(find({}, { ...flags, name: 'controller' })).toHaveLength(2)
    expect(() => find({}, flags)).toThrow('there is no daemon.yaml in ')
  })

  it('may have it for an environment alone, which then must be said', () => {
    write('named/daemon.prod.yaml')
    const flags = { config: 'named', environment: 'prod' }
    expect(find({}, flags)).toEqual(['named/daemon.prod.yaml'])
    expect(() => find({}, { config: 'named' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NOT_FOUND',
        hint: expect.stringContaining('daemon.prod.yaml') as string,
      }),
    )
  })
})
