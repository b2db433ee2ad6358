import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { claimDirectory } from './claim-directory.js'

const AT = { file: 'daemon.yaml', line: 7, column: 3 }
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-claim-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

it('takes a directory that is not there yet, and has it from then on', async () => {
  const dir = join(root, 'a', 'b')
  await Promise.all([claimDirectory(dir, 'one', AT), claimDirectory(dir, 'one', AT)])
  await claimDirectory(dir, 'one', AT)
  expect(readdirSync(dir)).toHaveLength(1)
})

it('refuses one that another has, with the line that names it, and leaves it as it was', async () => {
  await claimDirectory(root, 'one', AT)
  const [name = ''] = readdirSync(root)
  await expect(claimDirectory(root, 'two', AT)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `daemon.yaml:7:3: ${root} is of another daemon, one`,
    hint: expect.stringContaining(`delete ${join(root, name)}`) as string,
  })
  expect(readFileSync(join(root, name), 'utf8')).toBe('one\n')
})
