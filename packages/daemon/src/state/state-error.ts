import { PlaygroundError, errorMessage } from '@p2p-playground/core'

/** SQLite's result codes (https://sqlite.org/rescode.html) as ours; what is no error of SQLite stays as it is. */
export function stateError(error: unknown, path: string): unknown {
  const code =
    typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined
  if (typeof code !== 'number') return error
  switch (code & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return new PlaygroundError('STATE_LOCKED', `another daemon uses ${path}`, {
        hint: 'Stop it with "p2p-playground daemon stop", or start this one with another --home.',
        cause: error,
      })
    case 8: // SQLITE_READONLY
    case 10: // SQLITE_IOERR
    case 13: // SQLITE_FULL
    case 14: // SQLITE_CANTOPEN
      return new PlaygroundError('STATE_DISK', `cannot write ${path}: ${errorMessage(error)}`, {
        hint: 'Look for a full disk or missing permissions there.',
        cause: error,
      })
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return corrupt(path, errorMessage(error), error)
    default:
      return new PlaygroundError('INTERNAL', `SQLite: ${errorMessage(error)}`, { cause: error })
  }
}

export function corrupt(path: string, why: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('STATE_CORRUPT', `${path} is damaged: ${why}`, {
    hint: 'Apps that run go on. Move the file away and start again; then deploy the apps again.',
    cause,
  })
}
