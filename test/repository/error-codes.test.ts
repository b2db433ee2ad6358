import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_TABLE } from '@p2p-playground/core'
import { describe, expect, test } from 'vitest'
import { ROOT, trackedFiles } from './tracked-files.js'

/** Why a code, once published, can be relied on: some test makes it happen. */
const sources = trackedFiles()
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/repository/'))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n')

const codes = Object.keys(ERROR_TABLE)

describe('every error code', () => {
  test.each(codes)('%s is produced by a test', (code) => {
    expect(new RegExp(`\\b${code}\\b`).test(sources)).toBe(true)
  })

  test.each(codes)('%s is in the documentation', (code) => {
    expect(readFileSync(join(ROOT, 'docs/error-codes.md'), 'utf8')).toContain(`\`${code}\``)
  })
})
