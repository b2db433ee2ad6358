import { expect, it } from 'vitest'
import { explainNpmFailure } from './npm-failure.js'

const missing = (spec: string): string =>
  `The requested resource '${spec}' could not be found or you do not have permission to access it.\n\nNote that…`

const conflict = `While resolving: x@1.0.0
Found: @p2p-playground/core@0.1.0
node_modules/@p2p-playground/core
  @p2p-playground/core@"file:/opt/core" from the root project

Could not resolve dependency:
peer @p2p-playground/core@"^0.9.0" from @acme/x@1.9.0
node_modules/@acme/x`

it.each<[string, string, string, string, string]>([
  [
    'E404',
    'Not Found - GET http://r/@acme%2fx',
    missing('@acme/x@*'),
    'PLUGIN_NOT_FOUND',
    'there is no package "@acme/x" in the registry',
  ],
  [
    'E404',
    'No match found for version 99',
    missing('@acme/x@99'),
    'PLUGIN_NOT_FOUND',
    '@acme/x has no version 99',
  ],
  [
    'ETARGET',
    'No matching version found for @acme/x@99.',
    'In most cases…',
    'PLUGIN_NOT_FOUND',
    '@acme/x has no version 99',
  ],
  [
    'E404',
    'Not Found - GET http://r/y',
    missing('y@^1'),
    'PLUGIN_INSTALL',
    '@acme/x@1 needs y@^1, which is not in the registry',
  ],
  [
    'ETARGET',
    'No matching version found for y@^7.',
    '',
    'PLUGIN_INSTALL',
    '@acme/x@1 needs y@^7, which is not in the registry',
  ],
  [
    'ECONNREFUSED',
    'FetchError: request to http://r/x failed, reason: connect ECONNREFUSED',
    '',
    'PLUGIN_REGISTRY',
    'does not answer: FetchError: request to http://r/x failed',
  ],
  [
    'ERR_SOCKET_TIMEOUT',
    'Socket timeout',
    '',
    'PLUGIN_REGISTRY',
    'does not answer: Socket timeout',
  ],
  ['E503', '503 Service Unavailable', '', 'PLUGIN_REGISTRY', 'does not answer: 503'],
  ['E403', '403 Forbidden - GET http://r/x', '', 'PLUGIN_REGISTRY', 'refuses: 403'],
  [
    'ENOSPC',
    'ENOSPC: no space left on device, write',
    '',
    'STATE_DISK',
    'there is no room for @acme/x@1',
  ],
  [
    'EACCES',
    'EACCES: permission denied, mkdir',
    '',
    'PLUGIN_INSTALL',
    'npm cannot install @acme/x@1: EACCES',
  ],
  [
    'TAR_BAD_ARCHIVE',
    'TAR_BAD_ARCHIVE: Unrecognized archive format',
    '',
    'PLUGIN_INSTALL',
    '@acme/x@1 is no npm package',
  ],
  [
    'ERESOLVE',
    'unable to resolve dependency tree',
    conflict,
    'PLUGIN_API',
    '@acme/x@1.9.0 needs @p2p-playground/core ^0.9.0, this is 0.1.0',
  ],
  [
    'ERESOLVE',
    'unable to resolve dependency tree',
    'Found: y@1.0.0',
    'PLUGIN_INSTALL',
    'does not fit together',
  ],
  [
    'ENOENT',
    'ENOENT: no such file, open package.json',
    '',
    'PLUGIN_INSTALL',
    '@acme/x@1 is no npm package',
  ],
  ['ENOENT', 'spawn sh ENOENT', '', 'PLUGIN_INSTALL', 'npm cannot install @acme/x@1: spawn sh'],
  [
    '128',
    'An unknown git error occurred',
    "git ls-remote file:///x\nfatal: '/x' does not appear to be a git repository\nfatal: Could not read",
    'PLUGIN_INSTALL',
    "npm cannot install @acme/x@1: '/x' does not appear to be a git repository",
  ],
  [
    '128',
    'An unknown git error occurred',
    'git ls-remote ssh://git@host/x\nssh: Could not resolve hostname host\r\nfatal: Could not read',
    'PLUGIN_INSTALL',
    'npm cannot install @acme/x@1: ssh: Could not resolve hostname host',
  ],
  [
    '128',
    'An unknown git error occurred',
    '',
    'PLUGIN_INSTALL',
    'npm cannot install @acme/x@1: An unknown git error occurred',
  ],
  [
    'ENOENT',
    'An unknown git error occurred',
    'This is related to npm not being able to find a file.',
    'PLUGIN_INSTALL',
    'npm cannot install @acme/x@1: there is no git',
  ],
  ['EWHATEVER', 'something\nelse', '', 'PLUGIN_INSTALL', 'npm cannot install @acme/x@1: something'],
])('%s, %s', (code, summary, detail, expected, message) => {
  const error = explainNpmFailure({ code, summary, detail }, '@acme/x@1')
  expect(error.code).toBe(expected)
  expect(error.message).toContain(message)
  expect(error.message).not.toContain('\n')
})
