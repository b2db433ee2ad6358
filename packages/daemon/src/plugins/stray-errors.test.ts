import { expect, it } from 'vitest'
import { culpritOf } from './stray-errors.js'

const redis = { package: '@acme/redis', version: '1.2.0', root: '/home/plugins/node_modules/redis' }
const own = { package: 'own', version: '0.1.0', root: '/opt/daemon/node_modules/own' }
const plugins = [redis, own]
const ownRoot = '/opt/daemon'

function thrown(...files: string[]): Error {
  const error = new Error('boom')
  const frames = files.map((file) => `    at work (${file}:3:7)`)
  error.stack = [
    'Error: boom',
    ...frames,
    '    at listOnTimeout (node:internal/timers:605:17)',
  ].join('\n')
  return error
}

it.each([
  ['a timer of its own', redis, thrown(`file://${redis.root}/index.js`), redis],
  ['something that is no error', redis, 'boom', redis],
  ['a socket without a listener', redis, thrown(), redis],
  ['what it depends on', redis, thrown('/home/plugins/node_modules/net/index.js'), redis],
  ['its file, with nothing else known', undefined, thrown(`${redis.root}/index.js`), redis],
  ['a path with a space', undefined, thrown(`file://${redis.root}/a%20b.js`), redis],
  ['code of a plugin within the daemon’s own packages', own, thrown(`${own.root}/index.js`), own],
  [
    'a callback of the daemon',
    redis,
    thrown('/opt/daemon/dist/daemon.mjs', `${redis.root}/index.js`),
    undefined,
  ],
  [
    'a call that the daemon did not finish',
    redis,
    thrown(`${redis.root}/index.js`, '/opt/daemon/dist/daemon.mjs'),
    undefined,
  ],
  ['the daemon alone', undefined, thrown('/opt/daemon/dist/daemon.mjs'), undefined],
  ['nobody knows what', undefined, 'boom', undefined],
  ['a package that no plugin is', undefined, thrown('/opt/other/index.js'), undefined],
])('%s', (_what, running, error, culprit) => {
  expect(culpritOf(error, { running, plugins, ownRoot })).toBe(culprit)
})
