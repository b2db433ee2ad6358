import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootId, startTicksOf } from '@p2p-playground/daemon/run-file'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimDirectory } from './claim-directory.js'
import type { ClaimedDirectory } from './claim-directory.js'

let base: string
let path: string

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'p2pp-claim-'))
  path = join(base, 'next')
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

const nameOf = (pid: number, ticks: number, boot = bootId()): string =>
  `${String(pid)}-${String(ticks)}-${boot}`
const ownTicks = startTicksOf(process.pid) ?? 0
const running = nameOf(process.pid, ownTicks)
const reused = nameOf(process.pid, ownTicks + 1)
const dead = nameOf(999_999_999, 1)

function leave(files: Readonly<Record<string, string>>): void {
  mkdirSync(path)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
}

describe('claimDirectory', () => {
  it('has its owner in it, and goes with all that is in it', async () => {
    const claim = await claimDirectory(path)
    expect(claim.isTakenOver).toBe(false)
    expect(readdirSync(path)).toEqual(['.pid'])
    writeFileSync(join(path, 'left'), 'x')
    await claim.release()
    expect(readdirSync(base)).toEqual([])
  })

  it.each([
    ['was killed', { '.pid': dead }],
    ['has a pid that is another’s by now', { '.pid': reused }],
    ['ran before the machine was started anew', { '.pid': nameOf(process.pid, ownTicks, 'b-0') }],
    ['was killed and has an heir that was killed', { '.pid': dead, [`.after-${dead}`]: reused }],
    ['is of an earlier version, and wrote a pid', { '.pid': String(process.pid) }],
    ['is of an earlier version, and wrote nothing', { part: 'x' }],
    ['wrote nonsense', { '.pid': '../../etc' }],
  ])('takes the place of one that %s', async (_what, files) => {
    leave({ ...files, half: 'done' })
    const claim = await claimDirectory(path)
    expect(claim.isTakenOver).toBe(true)
    expect(existsSync(join(path, 'half'))).toBe(true)
    await claim.clear()
    expect(readdirSync(path).filter((name) => !name.startsWith('.'))).toEqual([])
    await expect(claimDirectory(path)).rejects.toMatchObject({ code: 'PLUGIN_INSTALL' })
    await claim.release()
    expect(readdirSync(base)).toEqual([])
  })

  it.each([
    ['its owner', { '.pid': running }],
    ['the heir of its owner', { '.pid': dead, [`.after-${dead}`]: running }],
  ])('is refused while %s runs', async (_what, files) => {
    leave(files)
    await expect(claimDirectory(path)).rejects.toMatchObject({
      code: 'PLUGIN_INSTALL',
      message: expect.stringContaining(`(pid ${String(process.pid)})`) as string,
    })
    expect(readdirSync(base)).toEqual(['next'])
    expect(readdirSync(path).sort()).toEqual(Object.keys(files).sort())
  })

  it('has one heir, however many come at once', async () => {
    leave({ '.pid': dead })
    const claims = Array.from({ length: 16 }, async () => claimDirectory(path))
    const ends = await Promise.allSettled(claims)
    const won = ends.filter(
      (end): end is PromiseFulfilledResult<ClaimedDirectory> => end.status === 'fulfilled',
    )
    expect(won).toHaveLength(1)
    expect(readdirSync(base)).toEqual(['next'])
    await won[0]?.value.release()
  })
})
