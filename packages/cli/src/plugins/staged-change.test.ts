import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { changeStaged } from './staged-change.js'

let base: string
let dir: string

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'p2pp-staged-'))
  dir = join(base, 'oclif')
  mkdirSync(join(dir, 'node_modules', 'old'), { recursive: true })
  writeFileSync(join(dir, 'package.json'), 'old')
  writeFileSync(join(dir, 'theme.json'), 'of oclif')
  symlinkSync('../../elsewhere', join(dir, 'node_modules', 'link'))
})
afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

const install = (staged: string): void => {
  mkdirSync(join(staged, 'node_modules', 'new'))
  writeFileSync(join(staged, 'package.json'), 'new')
}

const text = (path: string): string => readFileSync(join(dir, path), 'utf8')

describe('changeStaged', () => {
  it('shows a change once it is whole, and leaves nothing beside it', async () => {
    const result = await changeStaged(dir, async (staged) => {
      install(staged)
      expect(text('package.json')).toBe('old')
      expect(readdirSync(join(dir, 'node_modules'))).toEqual(['link', 'old'])
      return Promise.resolve('done')
    })
    expect(result).toBe('done')
    expect(text('package.json')).toBe('new')
    expect(readdirSync(join(dir, 'node_modules')).sort()).toEqual(['link', 'new', 'old'])
    expect(readlinkSync(join(dir, 'node_modules', 'link'))).toBe('../../elsewhere')
    expect(text('theme.json')).toBe('of oclif')
    expect(readdirSync(base)).toEqual(['oclif'])
  })

  it('leaves everything as it was when the work fails', async () => {
    const work = changeStaged(dir, async (staged) => {
      install(staged)
      return Promise.reject(new Error('no network'))
    })
    await expect(work).rejects.toThrow('no network')
    expect(text('package.json')).toBe('old')
    expect(readdirSync(join(dir, 'node_modules'))).toEqual(['link', 'old'])
    expect(readdirSync(base)).toEqual(['oclif'])
  })

  it('begins with nothing, in a home that is not there yet', async () => {
    const fresh = join(base, 'home', 'oclif')
    await changeStaged(fresh, async (staged) => {
      writeFileSync(join(staged, 'package.json'), 'first')
      return Promise.resolve()
    })
    expect(readFileSync(join(fresh, 'package.json'), 'utf8')).toBe('first')
  })

  it('refuses a second change while one is under way', async () => {
    const second: unknown = await changeStaged(dir, async () =>
      changeStaged(dir, async () => Promise.resolve()).catch((error: unknown) => error),
    )
    expect(second).toMatchObject({
      code: 'PLUGIN_INSTALL',
      message: `plugins are being changed by another command (pid ${String(process.pid)})`,
    })
  })

  it('lets one of many through at a time', async () => {
    const all = Promise.withResolvers<undefined>()
    let refused = 0
    const work = async (): Promise<void> => {
      await all.promise
    }
    const ends = Array.from({ length: 8 }, async () =>
      changeStaged(dir, work).catch((error: unknown) => {
        refused += 1
        if (refused === 7) all.resolve(undefined)
        return (error as Error).message
      }),
    )
    const messages = await Promise.all(ends)
    expect(messages.filter((message) => message === undefined)).toHaveLength(1)
    expect(new Set(messages).size).toBe(2)
    expect(readdirSync(base)).toEqual(['oclif'])
  })

  it('puts right what a killed change left in the middle', async () => {
    const staged = `${dir}.next`
    mkdirSync(join(staged, '.last', 'node_modules', 'old'), { recursive: true })
    writeFileSync(join(staged, '.pid'), '999999999')
    rmSync(join(dir, 'node_modules'), { recursive: true })
    await changeStaged(dir, async () => Promise.resolve())
    expect(readdirSync(join(dir, 'node_modules'))).toEqual(['old'])
    expect(existsSync(staged)).toBe(false)
  })

  it.each([
    ['ENOSPC', 'STATE_DISK', 'there is no room for plugins'],
    ['EACCES', 'PLUGIN_INSTALL', 'you may not write to'],
  ])('explains %s', async (code, expected, message) => {
    const work = changeStaged(dir, async () =>
      Promise.reject(Object.assign(new Error('no'), { code })),
    )
    await expect(work).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(message) as string,
    })
  })
})
