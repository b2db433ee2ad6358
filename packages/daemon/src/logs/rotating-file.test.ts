import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import winston from 'winston'
import { temporaryDir } from './log-fixture.test.support.js'
import { RotatingFile } from './rotating-file.js'

function fileIn(dir: string): { file: RotatingFile; logger: winston.Logger } {
  const logger = winston.createLogger({ level: 'debug' })
  const { printf } = winston.format
  const format = printf(({ message, fields }) => JSON.stringify({ message, fields }))
  const file = new RotatingFile({ dir, format, logger })
  onTestFinished(() => file.close())
  return { file, logger }
}

const line = (message: string, text = ''): Parameters<RotatingFile['write']>[0] => ({
  level: 'info',
  message,
  fields: { text },
})

function textIn(dir: string): string {
  const names = readdirSync(dir).filter((name) => name.startsWith('daemon-'))
  return names.map((name) => readFileSync(join(dir, name), 'utf8')).join('')
}

/** Lets time pass for whoever looks at the monotonic clock. */
function passTime(): void {
  const later = performance.now() + 60_000
  const now = vi.spyOn(performance, 'now').mockReturnValue(later)
  onTestFinished(() => {
    now.mockRestore()
  })
}

describe('RotatingFile', () => {
  it('outlives a disk that refuses, and says afterwards how many lines are lost and why', async () => {
    const dir = temporaryDir()
    const { file, logger } = fileIn(dir)
    // A file may not grow beyond this limit of the process: as a full disk, it takes a part.
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
    }
    const survive = (): void => undefined
    process.on('SIGXFSZ', survive)
    onTestFinished(() => {
      limit('unlimited')
      process.off('SIGXFSZ', survive)
    })
    file.write(line('before'))
    limit('1000')
    file.write(line('too much', 'x'.repeat(5000)))
    await vi.waitFor(() => {
      expect(logger.transports).toEqual([])
    })
    file.write(line('while refused'))
    file.write(line('while refused'))
    limit('unlimited')
    passTime()
    file.write(line('after'))
    await file.close()
    const text = textIn(dir)
    expect(text).toMatch(/^{"message":"before"/)
    expect(text).toMatch(/"message":"daemon-log-lines-lost","fields":{"lines":3,"error":"EFBIG/)
    expect(text).toMatch(/{"message":"after","fields":{"text":""}}\n$/)
  })

  it('does without a file while its directory cannot be one', async () => {
    const dir = join(temporaryDir(), 'logs')
    writeFileSync(dir, '')
    const { file } = fileIn(dir)
    file.write(line('lost'))
    rmSync(dir)
    await vi.waitFor(() => {
      passTime()
      file.write(line('found'))
      expect(textIn(dir)).toContain('"message":"found"')
    })
    expect(textIn(dir)).toContain('daemon-log-lines-lost')
  })

  it('takes no line after it was closed', async () => {
    const dir = temporaryDir()
    const { file } = fileIn(dir)
    file.write(line('before'))
    await file.close()
    await file.close()
    file.write(line('after'))
    expect(textIn(dir)).toMatch(/^{"message":"before".*\n$/)
  })
})
