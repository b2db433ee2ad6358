import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fileError } from './file-error.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'file-error-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function errorOf(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

const system = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: odd, open`), { code, path })

test('each kind of failure has its words, and the path', () => {
  const file = join(dir, 'file')
  writeFileSync(file, '')
  for (const [work, message] of [
    [() => readFileSync(join(dir, 'none')), `there is no ${dir}/none`],
    [() => readFileSync(join(dir, 'a/b/c')), `there is no directory ${dir}/a`],
    [
      () => {
        writeFileSync(dir, '')
      },
      `${dir} is a directory, not a file`,
    ],
    [() => readFileSync(join(file, 'x/y')), `${file} is a file, not a directory`],
    [() => mkdirSync(join(file, 'x'), { recursive: true }), `${file} is a file, not a directory`],
    [
      () => {
        writeFileSync(file, '', { flag: 'wx' })
      },
      `${file} is a file, not a directory`,
    ],
  ] as const)
    expect(fileError(errorOf(work))).toMatchObject({ code: 'FILE_ACCESS', message })
})

test('rights, read-only disks and full ones, with the path that the user gave', () => {
  const given = '/there/app.p2p'
  for (const [code, ours, message] of [
    ['EACCES', 'FILE_ACCESS', `this user may not access ${given}`],
    ['EPERM', 'FILE_ACCESS', `this user may not access ${given}`],
    ['EROFS', 'FILE_ACCESS', `${given} is on a file system that is read-only`],
    ['ENOSPC', 'STATE_DISK', `no space left for ${given}`],
  ] as const) {
    const error = fileError(system(code, '/there/app.p2p.draft-7'), given)
    expect(error).toMatchObject({ code: ours, message })
    expect(error).toHaveProperty('hint')
  }
})

test('what is not about a path stays', () => {
  for (const error of [system('EACCES'), system('ECONNREFUSED', '/x'), new Error('odd'), 'odd'])
    expect(fileError(error)).toBe(error)
})
