import { chmod, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { loadIdentity } from './identity.js'
import { Loopback } from './testing/loopback.js'

const loopback = new Loopback()
afterEach(() => loopback.close())

async function keyPath(): Promise<string> {
  return join(await loopback.dir(), 'new', 'peer.key')
}

it('is made once, for its owner alone, and found again', async () => {
  const path = await keyPath()
  const first = await loadIdentity(path)
  expect(first.peerId).toMatch(/^12D3Koo/)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await loadIdentity(path)).peerId).toBe(first.peerId)
})

it('is one, however many ask for it at the same time', async () => {
  const path = await keyPath()
  const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(path)))
  expect(new Set(all.map(({ peerId }) => peerId)).size).toBe(1)
})

it('is refused when others can read it', async () => {
  const path = await keyPath()
  await loadIdentity(path)
  await chmod(path, 0o640)
  await expect(loadIdentity(path)).rejects.toMatchObject({
    code: 'CONFIG_PERMISSIONS',
    hint: `Run: chmod 600 ${path}`,
  })
})

it.each([
  ['empty', Buffer.alloc(0)],
  ['not a key', Buffer.from('hello')],
])('is STATE_CORRUPT when the file is %s, and stays as it is', async (_, bytes) => {
  const path = join(await loopback.dir(), 'peer.key')
  await writeFile(path, bytes, { mode: 0o600 })
  await expect(loadIdentity(path)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  expect((await stat(path)).size).toBe(bytes.length)
})
