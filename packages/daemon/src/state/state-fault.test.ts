import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteStateStore } from './sqlite-state-store.js'
import { stateFault } from './state-fault.js'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'state-fault-'))
  path = join(dir, 'state.db')
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

test('a state that can be opened has none, and is left as it is', async () => {
  new SqliteStateStore({ path, node: 'one' }).close()
  const before = readFileSync(path)
  expect(await stateFault(path)).toBeUndefined()
  expect(readFileSync(path).equals(before)).toBe(true)
  expect(readdirSync(dir)).toEqual(['state.db'])
})

test('one that is damaged is named by its own path', async () => {
  writeFileSync(path, 'garbage '.repeat(1000))
  const fault = await stateFault(path)
  expect(fault).toMatchObject({ code: 'STATE_CORRUPT' })
  expect(fault?.message).toContain(`${path} is damaged`)
  expect(readFileSync(path, 'utf8')).toBe('garbage '.repeat(1000))
})
