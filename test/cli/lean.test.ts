import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
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
