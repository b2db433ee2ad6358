import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOOPBACK } from '../harness/machines.js'
import { makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

let home: ReturnType<typeof makeHome>
let seen: string

beforeAll(() => {
  home = makeHome()
  seen = join(home.path, 'seen.mjs')
  // Each process leaves the names of Node's own modules that it loaded.
  writeFileSync(
    seen,
    `import { writeFileSync } from 'node:fs'
process.once('exit', () => {
  const what = /daemon\\.mjs$/.test(process.argv[1]) ? 'daemon' : 'command'
  writeFileSync(\`${home.path}/\${what}-\${process.pid}.loaded\`, process.moduleLoadList.join('\\n'))
})
`,
  )
})
afterAll(() => {
  home.remove()
})

async function watched(...args: string[]): Promise<CliResult> {
  const env = { NODE_OPTIONS: `--import=${seen}` }
  const result = await runCli(args, { home: home.path, env })
  expect(result.stderr).toBe('')
  return result
}

function loadedBy(what: string): string[] {
  return readdirSync(home.path)
    .filter((name) => name.startsWith(`${what}-`) && name.endsWith('.loaded'))
    .map((name) => readFileSync(join(home.path, name), 'utf8'))
}

test('neither commands nor a daemon load the HTTP client that comes with Node', async () => {
  await watched('init', ...LOOPBACK)
  await watched('daemon', 'start')
  await watched('app', 'list')
  await watched('daemon', 'stop')
  expect(loadedBy('daemon')).toHaveLength(1)
  expect(loadedBy('command')).toHaveLength(4)
  for (const loaded of [...loadedBy('daemon'), ...loadedBy('command')]) {
    expect(loaded).toContain('NativeModule net')
    expect(loaded).not.toContain('undici')
  }
})

test('code that was compiled is kept where no other user can put some', async () => {
  const tmp = join(home.path, 'tmp')
  const caches = join(home.path, 'cache')
  mkdirSync(tmp)
  const run = async (env: Record<string, string | undefined>): Promise<void> => {
    const result = await runCli(['--version'], { home: home.path, env: { TMPDIR: tmp, ...env } })
    expect(result).toMatchObject({ status: 0, stderr: '' })
    expect(readdirSync(tmp)).toEqual([])
  }
  await run({ XDG_CACHE_HOME: caches })
  expect(readdirSync(join(caches, 'p2p-playground/compiled'))).toHaveLength(1)
  await run({ XDG_CACHE_HOME: undefined, HOME: undefined })
  await run({ XDG_CACHE_HOME: undefined, HOME: '/dev/null' })
})
