export { startDaemon } from './daemon.js'
export type { Daemon } from './daemon.js'
export { readRunFile } from './run-file.js'
export type { RunFile } from './run-file.js'
