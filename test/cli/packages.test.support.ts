import { beforeEach } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { homeOfEachTest, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

/** A fresh home for each test of a file, in which the app "hello" lies, and commands that run there. */
export function helloOfEachTest(): {
  readonly home: ReturnType<typeof homeOfEachTest>
  readonly cli: (...args: string[]) => Promise<CliResult>
  /** The directory of the app. */
  readonly app: string
  /** Where tests put its package. */
  readonly file: string
} {
  const home = homeOfEachTest()
  let app: string
  beforeEach(() => {
    app = writeApp(home.path, { name: 'hello' })
  })
  return {
    home,
    cli: (...args) => runCli(args, { home: home.path, cwd: home.path }),
    get app() {
      return app
    },
    get file() {
      return home.inHome('hello.p2p')
    },
  }
}
