import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

export interface PackageManifest {
  readonly name: string
  readonly version: string
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** An empty directory outside of the checkout, with packages as somebody else installs them. */
export class InstalledPackages {
  readonly dir = mkdtempSync(join(tmpdir(), 'p2pp-installed-'))
  readonly #tarballs = join(this.dir, 'tarballs')

  constructor() {
    mkdirSync(this.#tarballs)
  }

  /** Packs directories of the checkout, and installs that with what `besides` names, by version. */
  async install(
    packages: readonly string[],
    besides: Readonly<Record<string, string>>,
  ): Promise<void> {
    const workspaces = packages.flatMap((path) => ['-w', path])
    await npm(ROOT, 'pack', '--pack-destination', this.#tarballs, ...workspaces)
    const dependencies: Record<string, string> = { ...besides }
    for (const path of packages) {
      const { name, version } = readManifest(join(ROOT, path))
      dependencies[name] = `file:${join(this.#tarballs, tarballOf(name, version))}`
    }
    this.write('package.json', JSON.stringify({ private: true, type: 'module', dependencies }))
    await npm(this.dir, 'install', '--prefer-offline')
  }

  /** Builds packages of the checkout that are no workspaces, packs them, and installs them as well. */
  async installOutsiders(paths: readonly string[]): Promise<void> {
    const tarballs = await Promise.all(paths.map(async (path) => this.#packOutsider(path)))
    await npm(this.dir, 'install', '--prefer-offline', ...tarballs)
  }

  async #packOutsider(path: string): Promise<string> {
    const dir = join(this.dir, basename(path))
    for (const part of ['package.json', 'tsconfig.json', 'src']) {
      cpSync(join(ROOT, path, part), join(dir, part), { recursive: true })
    }
    await this.run('tsc', '-p', dir)
    const { name, version, dependencies = {} } = readManifest(dir)
    // What it bundles, npm takes from its own node_modules.
    for (const one of Object.keys(dependencies)) {
      cpSync(this.pathOf(one), join(dir, 'node_modules', one), { recursive: true })
    }
    await npm(dir, 'pack', '--ignore-scripts', '--pack-destination', this.#tarballs)
    return join(this.#tarballs, tarballOf(name, version))
  }

  pathOf(name: string): string {
    return join(this.dir, 'node_modules', name)
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true })
    writeFileSync(join(this.dir, path), text)
  }

  /**
   * Copies a test file, and what it imports from beside itself, to `into`; what it imports from `./index.js` is imported by
   * the name of the package.
   */
  copyTest(path: string, into: string, name: string): void {
    for (const one of filesOfTest(path)) {
      const text = readFileSync(join(ROOT, one), 'utf8')
      this.write(join(into, basename(one)), text.replaceAll("'./index.js'", `'${name}'`))
    }
  }

  /** A command of what is installed; gives its output. @throws with its output when it fails */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const entry = join(this.dir, 'node_modules', '.bin', command)
    return output(process.execPath, [entry, ...args], this.dir)
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export function readManifest(dir: string): PackageManifest {
  return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as PackageManifest
}

/** A test file and all that it imports from beside itself, but for the code that it tests: `./index.js`. */
export function filesOfTest(path: string): string[] {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const beside = [...text.matchAll(/from '\.\/((?!index)[\w.-]+)\.js'/g)].map(
    ([, name = '']) => name,
  )
  return [
    ...new Set([path, ...beside.flatMap((name) => filesOfTest(join(dirname(path), `${name}.ts`)))]),
  ]
}

/** Packages that a module imports. */
export function importsOf(text: string): string[] {
  // What stands in brackets is an advice in a message.
  const found = [
    ...text.matchAll(/(?<!\[)(?:\bfrom |\bimport |\bimport\()["']([@a-z][\w@./:-]*)["']/g),
  ]
    .map(([, name = '']) => name)
    .filter((name) => !isBuiltin(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  return [...new Set(found)]
}

/** Files below a directory. */
export function filesOf(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
}

function tarballOf(name: string, version: string): string {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  await output('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], cwd)
}

async function output(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await run(command, args, { cwd, env: cleanEnv(), maxBuffer: 64 * 1024 ** 2 })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error })
  }
}

/** Nothing of the vitest and the npm script that run this. */
function cleanEnv(): NodeJS.ProcessEnv {
  const own = /^(VITEST|TEST$|NODE_ENV|NODE_OPTIONS|INIT_CWD|npm_(package|lifecycle|config_local))/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}
