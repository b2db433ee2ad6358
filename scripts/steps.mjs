// What the scripts share. Runs on old versions of Node and before anything is installed: built-in modules only.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const BIN = join(ROOT, 'node_modules', '.bin')

/** The environment of a step: tools and Node of the checkout first. */
export function stepEnv(extra = {}) {
  return { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH}`, ...extra }
}

/**
 * Says what it does, does it, and says how long it took; ends the script when it fails, or gives false with `goOn`. With `hold` it
 * says all of that at the end, so that steps can run beside each other.
 */
export async function step(title, command, args, options = {}) {
  const begun = Date.now()
  const head = `\n▶ ${title}: ${command} ${args.join(' ')}`
  if (options.hold !== true) console.log(head)
  const { code, printed } = await runStep(command, args, options)
  if (options.hold === true) console.log(head)
  process.stdout.write(printed)
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
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      stdio: options.hold === true ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      env: stepEnv(options.env),
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (printed += text))
    child.on('error', (error) => resolve({ code: 127, printed: `${error.message}\n` }))
    child.on('close', (code, signal) => resolve({ code: signal === null ? code : 1, printed }))
  })
}

/** Installs the packages that the lock names, unless they are there. */
export async function ensureInstalled() {
  const why = whyInstall()
  if (why !== undefined) {
    console.log(`\nnpm packages: ${why}`)
    await step('install', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 13) || existsSync(join(BIN, 'node'))) return
  console.error(
    `✘ Node 22.13 or newer is needed, this is ${process.versions.node}, and npm brings none along for ` +
      `${process.platform}-${process.arch}: install one from https://nodejs.org`,
  )
  process.exit(1)
}

/** What counts is whether the packages are those of the lock: a checkout sets new times on old files. */
function whyInstall() {
  const marker = join(ROOT, 'node_modules', '.package-lock.json')
  if (!existsSync(marker)) return 'node_modules is missing'
  if (!existsSync(join(BIN, 'p2p-playground'))) return 'the command p2p-playground is not linked'
  const packages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages
  const have = packages(marker)
  for (const [path, wanted] of Object.entries(packages(join(ROOT, 'package-lock.json')))) {
    if (!path.startsWith('node_modules/')) continue
    if (wanted.link === true) {
      if (!existsSync(join(ROOT, path)))
        return `${path.slice('node_modules/'.length)} is not linked`
      continue
    }
    const found = have[path]
    const isRight =
      found === undefined ? wanted.optional === true : found.version === wanted.version
    if (!isRight) return `${path.slice('node_modules/'.length)} is not at ${wanted.version}`
  }
  return undefined
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

/** The newest change of some files, and below some directories; milliseconds since the epoch. */
export function newest(paths, wanted) {
  let time = 0
  const visit = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist') visit(path)
      } else if (wanted.test(entry.name)) time = Math.max(time, statSync(path).mtimeMs)
    }
  }
  for (const path of paths) {
    const stat = statSync(join(ROOT, path))
    if (stat.isDirectory()) visit(join(ROOT, path))
    else time = Math.max(time, stat.mtimeMs)
  }
  return time
}
