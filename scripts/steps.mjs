// What the scripts share. Runs on old versions of Node and before anything is installed: built-in modules only.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const BIN = join(ROOT, 'node_modules', '.bin')

/** The environment of a step: tools and Node of the checkout first. */
export function stepEnv(extra = {}) {
  return { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH}`, ...extra }
}

/** Says what it does, does it, and says how long it took; ends the script when it fails. */
export async function step(title, command, args, options = {}) {
  const begun = Date.now()
  console.log(`\n▶ ${title}: ${command} ${args.join(' ')}`)
  const code = await runStep(command, args, options)
  const took = ((Date.now() - begun) / 1000).toFixed(1)
  if (code === 0) {
    console.log(`✔ ${title} (${took} s)`)
    return true
  }
  console.error(`✘ ${title} failed with exit code ${code} (${took} s)`)
  if (options.goOn === true) return false
  process.exit(1)
}

function runStep(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: stepEnv(options.env) })
    child.on('error', (error) => {
      console.error(error.message)
      resolve(127)
    })
    child.on('exit', (code, signal) => resolve(signal === null ? code : 1))
  })
}

/** Installs the packages that the lock names, unless they are there. */
export async function ensureInstalled() {
  const marker = join(ROOT, 'node_modules', '.package-lock.json')
  const lock = join(ROOT, 'package-lock.json')
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs - 1000) return
  if (existsSync(marker) && sameLock(marker, lock)) return
  await step('install', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

/** A checkout sets new times on old files: what counts is whether the packages are those of the lock. */
function sameLock(marker, lock) {
  const names = (path) => {
    const out = spawnSync(process.execPath, [
      '-e',
      `console.log(Object.entries(JSON.parse(require('fs').readFileSync(${JSON.stringify(path)}, 'utf8')).packages).filter(([k, v]) => k.startsWith('node_modules/') && !v.link && !v.optional).map(([k, v]) => k + v.version).sort().join())`,
    ])
    return out.stdout.toString()
  }
  return names(marker) === names(lock)
}

/** Debian packages that tests need; installed as root, named otherwise. */
export async function ensureTools(tools) {
  const missing = Object.entries(tools).filter(
    ([command]) => spawnSync('which', [command]).status !== 0,
  )
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))]
  if (process.getuid() !== 0) {
    console.log(
      `These tools are missing, tests that need them will be skipped: ${packages.join(', ')}`,
    )
    return
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await step('look up packages', 'apt-get', ['update', '-q'], { goOn: true, env })
  await step(
    'install tools',
    'apt-get',
    ['install', '-y', '-q', '--no-install-recommends', ...packages],
    { goOn: true, env },
  )
}

/** The newest change below some directories, milliseconds since the epoch. */
export function newest(dirs, wanted) {
  let time = 0
  const visit = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist') visit(path)
      } else if (wanted.test(entry.name)) time = Math.max(time, statSync(path).mtimeMs)
    }
  }
  for (const dir of dirs) visit(join(ROOT, dir))
  return time
}
